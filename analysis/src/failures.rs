//! Errors and redundant work in episodes.
//!
//! - A *missing-variable error*: a step whose code ended in a `NameError` or an
//!   `UnboundLocalError`. An error that the code itself catches is not counted. The kind of
//!   name does not matter: it may be a variable, a function or an import.
//! - A *failing step*: its code ended in an error, or it could not be run at all
//!   (several code blocks, a failed or truncated model call), and its trace
//!   records that error. A turn without code does not fail: there was nothing to
//!   run, and its trace records no error.
//! - A *redundant tool call*: an earlier call of the same tool with the same
//!   arguments in the episode got the same answer, other than null. A failed call has
//!   no answer. So to move back and forth is not redundant (the answer is null), but
//!   to look around at the same place twice is.
//! - A *redundant block*: a step's code is the same text as that of an earlier step of
//!   the episode.
//! - A *redundant definition*: top-level code binds a name to a value equal to
//!   the one it had at its latest earlier definition in the episode.

use std::collections::{HashMap, HashSet};

use proto::trace::{Step, ToolCall};
use serde::Serialize;
use serde_json::Value;

use crate::episode::{Episode, Tokens};
use crate::stats::describe::mean;
use crate::tool_calls;

/// One episode; see the module for the definitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpisodeFailures {
    /// The task's id.
    pub task_id: String,
    /// Whether the task was solved exactly; null without an evaluation.
    pub solved: Option<bool>,
    /// The score, 0 to 1; null without an evaluation.
    pub score: Option<f64>,
    /// Number of steps.
    pub steps: usize,
    /// Number of steps that ended in a missing-variable error.
    pub missing_variable_errors: usize,
    /// Length of the longest run of consecutive failing steps.
    pub longest_failing_run: usize,
    /// All tokens; null if the trace has no token counts.
    pub total_tokens: Option<u64>,
    /// Whether token counts are estimates.
    pub tokens_estimated: bool,
    /// Tokens of the steps after the first that ended in a missing-variable
    /// error; null if none did.
    pub tokens_after_first_missing_variable: Option<u64>,
    /// Steps with code.
    pub blocks: Repeats,
    /// Tool calls; null if the trace does not record calls.
    pub tool_calls: Option<Repeats>,
    /// Definitions; null if the trace does not record definitions.
    pub definitions: Option<Repeats>,
}

/// A number of blocks, calls or definitions, and how many of them were redundant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repeats {
    /// All of them.
    pub total: usize,
    /// The redundant ones.
    pub redundant: usize,
}

impl EpisodeFailures {
    /// None if the episode's trace is missing or records no steps.
    pub fn of(episode: &Episode) -> Option<Self> {
        let steps = episode.steps()?;
        let first_missing = steps.iter().position(|step| step.misses_a_variable());
        let tokens = episode.tokens();
        let tokens_after =
            |first: usize| steps[first + 1..].iter().map(|step| step.token_usage.total_tokens).sum();
        Some(Self {
            task_id: episode.task_id.clone(),
            solved: episode.evaluation().map(|evaluation| evaluation.is_solved),
            score: episode.evaluation().map(|evaluation| evaluation.score),
            steps: steps.len(),
            missing_variable_errors: steps.iter().filter(|step| step.misses_a_variable()).count(),
            longest_failing_run: longest_run(steps.iter().map(|step| is_failing(step))),
            total_tokens: tokens.map(|tokens| tokens.total),
            tokens_estimated: tokens.is_some_and(|tokens: Tokens| tokens.estimated),
            tokens_after_first_missing_variable: first_missing.filter(|_| tokens.is_some()).map(tokens_after),
            blocks: repeated_blocks(&steps),
            tool_calls: tool_calls::recorded(&steps).map(|calls| repeated_calls(&calls)),
            definitions: repeated_definitions(&steps),
        })
    }
}

/// Whether the step fails; see the module.
pub(crate) fn is_failing(step: &Step) -> bool {
    step.error.is_some() || step.interpreter_result.as_ref().is_some_and(|result| !result.success)
}

fn longest_run(flags: impl Iterator<Item = bool>) -> usize {
    let (longest, _) = flags.fold((0, 0), |(longest, current), flag| {
        let current = if flag { current + 1 } else { 0 };
        (longest.max(current), current)
    });
    longest
}

fn repeated_blocks(steps: &[&Step]) -> Repeats {
    let codes: Vec<&str> = steps.iter().filter_map(|step| step.code.as_deref()).map(str::trim).collect();
    let different: HashSet<&str> = codes.iter().copied().collect();
    Repeats { total: codes.len(), redundant: codes.len() - different.len() }
}

fn repeated_calls(calls: &[&ToolCall]) -> Repeats {
    let mut answers: HashMap<(&str, String), Vec<&Value>> = HashMap::new();
    let mut repeats = Repeats { total: calls.len(), redundant: 0 };
    for call in calls {
        if call.error.is_some() || call.result.is_null() {
            continue;
        }
        let earlier = answers.entry((&call.name, arguments_key(&call.arguments))).or_default();
        if earlier.contains(&&call.result) {
            repeats.redundant += 1;
        } else {
            earlier.push(&call.result);
        }
    }
    repeats
}

/// A key that is equal for equal arguments. A call without arguments or with a single one has the same key by
/// position and by keyword. The tools of the tasks take no more.
fn arguments_key(arguments: &Value) -> String {
    let by_keyword = arguments.as_object().filter(|map| map.len() <= 1);
    by_keyword.map_or_else(
        || arguments.to_string(),
        |map| Value::Array(map.values().cloned().collect()).to_string(),
    )
}

fn repeated_definitions(steps: &[&Step]) -> Option<Repeats> {
    let mut latest: HashMap<&str, &str> = HashMap::new();
    let mut repeats = Repeats::default();
    for step in steps {
        let Some(info) = &step.info else {
            if step.interpreter_result.is_some() {
                return None;
            }
            continue;
        };
        for definition in &info.definitions {
            repeats.total += 1;
            if latest.insert(&definition.name, &definition.digest) == Some(&definition.digest) {
                repeats.redundant += 1;
            }
        }
    }
    Some(repeats)
}

/// Means over the episodes of a condition; see the module for the definitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConditionFailures {
    /// The condition's label.
    pub condition: String,
    /// Episodes whose trace records steps; all numbers are over these.
    pub episodes: usize,
    /// Share of episodes with at least one missing-variable error, 0 to 1.
    pub missing_variable_share: f64,
    /// Mean missing-variable errors per episode.
    pub missing_variable_errors: f64,
    /// Mean over episodes of the longest run of failing steps.
    pub longest_failing_run_mean: f64,
    /// The longest run of failing steps of any episode.
    pub longest_failing_run_max: usize,
    /// Tokens after the first missing-variable error: mean over the episodes
    /// that had one; null if none had, or tokens were not counted.
    pub tokens_after_first_missing_variable: Option<f64>,
    /// The same tokens, summed, as a share of all tokens of all episodes, 0 to 1.
    pub tokens_after_first_missing_variable_share: Option<f64>,
    /// Whether token counts of some episodes are estimates.
    pub tokens_estimated: bool,
    /// Mean redundant blocks per episode.
    pub redundant_blocks: Option<f64>,
    /// Redundant blocks as a share of all, 0 to 1.
    pub redundant_blocks_share: Option<f64>,
    /// Mean redundant tool calls per episode.
    pub redundant_tool_calls: Option<f64>,
    /// Redundant tool calls as a share of all, 0 to 1.
    pub redundant_tool_calls_share: Option<f64>,
    /// Mean redundant definitions per episode.
    pub redundant_definitions: Option<f64>,
    /// Redundant definitions as a share of all, 0 to 1.
    pub redundant_definitions_share: Option<f64>,
}

impl ConditionFailures {
    /// The means over episodes; none without episodes.
    pub fn of(condition: &str, episodes: &[EpisodeFailures]) -> Option<Self> {
        let mean_of = |value: fn(&EpisodeFailures) -> f64| -> Option<f64> {
            mean(&episodes.iter().map(value).collect::<Vec<_>>())
        };
        let after: Vec<f64> =
            episodes.iter().filter_map(|e| e.tokens_after_first_missing_variable).map(|n| n as f64).collect();
        let all_tokens: u64 = episodes.iter().filter_map(|e| e.total_tokens).sum();
        let blocks = redundancy(episodes.iter().map(|e| e.blocks));
        let calls = redundancy(episodes.iter().filter_map(|e| e.tool_calls));
        let definitions = redundancy(episodes.iter().filter_map(|e| e.definitions));
        Some(Self {
            condition: condition.to_owned(),
            episodes: episodes.len(),
            missing_variable_share: mean_of(|e| f64::from(u8::from(e.missing_variable_errors > 0)))?,
            missing_variable_errors: mean_of(|e| e.missing_variable_errors as f64)?,
            longest_failing_run_mean: mean_of(|e| e.longest_failing_run as f64)?,
            longest_failing_run_max: episodes.iter().map(|e| e.longest_failing_run).max()?,
            tokens_after_first_missing_variable: mean(&after),
            tokens_after_first_missing_variable_share: (all_tokens > 0)
                .then(|| after.iter().sum::<f64>() / all_tokens as f64),
            tokens_estimated: episodes.iter().any(|e| e.tokens_estimated),
            redundant_blocks: blocks.mean,
            redundant_blocks_share: blocks.share,
            redundant_tool_calls: calls.mean,
            redundant_tool_calls_share: calls.share,
            redundant_definitions: definitions.mean,
            redundant_definitions_share: definitions.share,
        })
    }
}

struct Redundancy {
    /// Mean redundant ones per episode, over the episodes that record them.
    mean: Option<f64>,
    /// Redundant ones as a share of all.
    share: Option<f64>,
}

fn redundancy(episodes: impl Iterator<Item = Repeats>) -> Redundancy {
    let episodes: Vec<Repeats> = episodes.collect();
    let redundant: Vec<f64> = episodes.iter().map(|repeats| repeats.redundant as f64).collect();
    let total: usize = episodes.iter().map(|repeats| repeats.total).sum();
    Redundancy {
        mean: mean(&redundant),
        share: (total > 0).then(|| redundant.iter().sum::<f64>() / total as f64),
    }
}
