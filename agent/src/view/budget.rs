//! What a turn used up, and what is left.

use std::collections::HashMap;

use proto::trace::{Provenance, Step};
use serde::Serialize;

/// Something that an episode or a step has a limited amount of.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    /// What it is: `turns`, `tool calls`, `tokens`, `time`, or the task's word.
    pub name: String,
    /// Used by this turn, if that is known.
    pub here: Option<f64>,
    /// Used so far; by this turn alone, if each step has its own.
    pub used: Option<f64>,
    /// Left after the turn; `None` without a limit.
    pub left: Option<f64>,
    /// The used share, 0 to 1, if both it and the limit are known.
    pub share: Option<f64>,
    /// Whether each step has its own.
    pub is_of_step: bool,
    /// Whether it is counted in seconds.
    pub is_time: bool,
}

impl Budget {
    fn counted(name: &str, here: u64, used: u64, limit: Option<u64>) -> Self {
        Self { here: Some(here as f64), ..Self::limited(name, used as f64, limit.map(|limit| limit as f64)) }
    }

    fn limited(name: &str, used: f64, limit: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            used: Some(used),
            left: limit.map(|limit| (limit - used).max(0.0)),
            share: limit.filter(|limit| *limit > 0.0).map(|limit| (used / limit).min(1.0)),
            ..Self::default()
        }
    }
}

/// What was used up so far.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    turns: u64,
    tokens: u64,
    /// What was left of the task's budgets after the last step.
    task: HashMap<String, i64>,
}

impl Spent {
    /// The budgets after a turn; `seconds` is the time since the episode began.
    pub fn after(&mut self, step: &Step, seconds: Option<f64>, origin: Option<&Provenance>) -> Vec<Budget> {
        let limit = |name: &str| origin.and_then(|origin| origin.limits[name].as_u64());
        let of_agent = |name: &str| origin.map(|origin| &origin.agent[name]);
        self.turns += 1;
        self.tokens += step.token_usage.total_tokens;
        let most_turns = of_agent("max_turns").and_then(|most| most.as_u64()).or(limit("max_steps"));
        let mut budgets = vec![Budget::counted("turns", 1, self.turns, most_turns)];
        if let Some(info) = &step.info {
            let calls = info.tool_calls.len() as u64;
            let calls = Budget::counted("tool calls", calls, calls, limit("tool_calls_per_step"));
            budgets.push(Budget { is_of_step: true, ..calls });
            budgets.extend(info.budget_left.iter().map(|(name, left)| self.of_task(name, *left)));
        }
        let most_tokens = of_agent("max_total_tokens").and_then(|most| most.as_u64());
        budgets.push(Budget::counted("tokens", step.token_usage.total_tokens, self.tokens, most_tokens));
        let most_time = of_agent("timeout_s").and_then(|most| most.as_f64());
        let time = seconds.map(|used| Budget { is_time: true, ..Budget::limited("time", used, most_time) });
        budgets.extend(time);
        budgets
    }

    /// A budget of the task. What the first step used is not known.
    fn of_task(&mut self, name: &str, left: i64) -> Budget {
        let before = self.task.insert(name.to_owned(), left);
        let here = before.map(|before| (before - left) as f64);
        Budget { name: name.to_owned(), here, left: Some(left as f64), ..Budget::default() }
    }
}
