//! The events of a trace become turns.

use acting::reply;
use jiff::Timestamp;
use proto::interpreter_state::InterpreterState;
use proto::trace::{Event, EventKind, ModelCall, ModelResponse, Step, Trace};

use super::budget::Spent;
use super::failure::Failure;
use super::names::Names;
use super::turn::Turn;
use super::{call, python};

/// Reads the events of a trace, in order.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    /// The turn's call of the model and the answer, so far.
    call: Option<ModelCall>,
    response: Option<ModelResponse>,
    /// The number of turns.
    count: u64,
    names: Names,
    spent: Spent,
}

impl Reader {
    /// All turns of a trace.
    pub fn turns(trace: &Trace) -> Vec<Turn> {
        let mut reader = Self::default();
        trace.events.iter().filter_map(|event| reader.read(trace, event)).collect()
    }

    /// Reads the next event of a trace; returns the turn that it completes.
    pub fn read(&mut self, trace: &Trace, event: &Event) -> Option<Turn> {
        match &event.kind {
            EventKind::ModelCallEvent(call) => self.call = Some(call.clone()),
            EventKind::ModelResponseEvent(response) => self.response = Some(response.clone()),
            EventKind::StepEvent(step) => return Some(self.turn(trace, step, &event.timestamp)),
            _ => {}
        }
        None
    }

    fn turn(&mut self, trace: &Trace, step: &Step, ended_at: &str) -> Turn {
        self.count += 1;
        let (call, response) = (self.call.take(), self.response.take());
        let origin = trace.provenance.as_ref();
        let state = origin.and_then(|origin| InterpreterState::named(&origin.interpreter_state));
        let info = step.info.as_ref();
        let failure = Failure::of(step);
        let missing_name = failure.as_ref().and_then(|failure| failure.missing_name.as_deref());
        let calls_tools =
            origin.is_some_and(|origin| origin.agent["agent_type"] == "react") || step.results.is_some();
        let runs_code = step.code.is_some() && !calls_tools;
        let names = match (info, state) {
            (Some(info), Some(state)) if runs_code => Some(self.names.after(self.count, info, state)),
            _ => None,
        };
        let missing = missing_name.zip(state).and_then(|(name, state)| self.names.missing(name, state));
        let said = Said::of(step, response.as_ref());
        let calls = call::of(step);
        let since = trace.started_at.as_deref().and_then(|began| seconds_between(began, ended_at));
        let answered = response.as_ref().map(|response| response.timestamp.as_str());
        let result = step.interpreter_result.as_ref();
        Turn {
            number: self.count,
            thoughts: said.thoughts,
            words: said.words,
            whole: said.whole,
            kept: step.kept_text.clone(),
            code: step.code.as_deref().map(|code| python::lines(code.trim_end())).unwrap_or_default(),
            call_counts: call::counts(&calls),
            calls,
            calls_tools,
            output: result.map(|result| result.output.clone()).unwrap_or_default(),
            error_output: result.map(|result| result.error_output.clone()).unwrap_or_default(),
            did_nothing: failure.is_none()
                && result.is_none()
                && step.results.is_none()
                && step.code.is_none(),
            failure,
            missing,
            state_lost: info.is_some_and(|info| info.state_lost),
            names,
            budgets: self.spent.after(step, since, origin),
            tokens: step.token_usage,
            seen_tokens: response.as_ref().and_then(|response| Some(response.tokens.as_ref()?.seen)),
            breaks: response
                .as_ref()
                .and_then(|response| Some(response.tokens.as_ref()?.breaks))
                .unwrap_or(false),
            from_cache: response.as_ref().is_some_and(|response| response.cached),
            cut: response
                .as_ref()
                .and_then(|response| response.finish_reason.clone())
                .filter(|why| why != "stop"),
            model_s: call
                .zip(answered)
                .and_then(|(call, answered)| seconds_between(&call.timestamp, answered)),
            step_s: info.map(|info| info.run_time_us as f64 / 1e6),
        }
    }
}

/// What a model wrote, taken apart.
struct Said {
    thoughts: String,
    words: String,
    whole: Option<String>,
}

impl Said {
    fn of(step: &Step, response: Option<&ModelResponse>) -> Self {
        let text = &step.assistant_text;
        let written = reply::thoughts(text);
        let apart = response.map(|response| response.reasoning.trim()).unwrap_or_default();
        let thoughts =
            [apart, &written].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        let rest = if written.is_empty() { text.clone() } else { reply::without_thoughts(text) };
        // Without code that ran, blocks are a part of what the person should see.
        let words = if step.code.is_some() { reply::prose(&rest) } else { rest };
        let words = words.trim().to_owned();
        let whole = (words != text.trim()).then(|| text.clone());
        Self { thoughts, words, whole }
    }
}

/// Seconds from one time (RFC 3339) to another; `None` if one of them is not a time.
fn seconds_between(from: &str, to: &str) -> Option<f64> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    Some(to.duration_since(from).as_secs_f64().max(0.0))
}

#[cfg(test)]
mod tests {
    use proto::trace::{Provenance, StepInfo, Summary, TokenUsage};

    use super::*;

    fn trace(state: &str, events: Vec<(EventKind, &str)>) -> Trace {
        let limits = serde_json::json!({"max_steps": 40, "tool_calls_per_step": 25});
        let agent = serde_json::json!({"max_turns": 4, "max_total_tokens": 100, "timeout_s": 60.0});
        let provenance =
            Provenance { interpreter_state: state.into(), limits, agent, ..Provenance::default() };
        let event = |(kind, timestamp): (EventKind, &str)| Event { kind, timestamp: timestamp.into() };
        Trace {
            started_at: Some("2026-01-01T00:00:00Z".into()),
            finished_at: None,
            provenance: Some(provenance),
            summary: Summary::default(),
            events: events.into_iter().map(event).collect(),
        }
    }

    fn step(text: &str, code: Option<&str>, info: StepInfo) -> EventKind {
        let token_usage =
            TokenUsage { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30, estimated: false };
        let code = code.map(str::to_owned);
        EventKind::StepEvent(Box::new(Step {
            assistant_text: text.into(),
            code,
            info: Some(info),
            token_usage,
            ..Step::default()
        }))
    }

    #[test]
    fn a_turn_has_times_budgets_and_thoughts() {
        let asked = ModelCall { timestamp: "2026-01-01T00:00:01Z".into(), ..ModelCall::default() };
        let answered = ModelResponse {
            timestamp: "2026-01-01T00:00:03.5Z".into(),
            finish_reason: Some("length".into()),
            reasoning: "Hm.".into(),
            cached: true,
            ..ModelResponse::default()
        };
        let left = |left| StepInfo {
            budget_left: [("inspect".to_owned(), left)].into(),
            run_time_us: 500,
            ..StepInfo::default()
        };
        let text = "<think>Well.</think>Now:\n```python\nx = 1\n```";
        let turns = Reader::turns(&trace(
            "persistent",
            vec![
                (EventKind::ModelCallEvent(asked), ""),
                (EventKind::ModelResponseEvent(answered), ""),
                (step(text, Some("x = 1"), left(9)), "2026-01-01T00:00:04Z"),
                (step("No code.", None, left(7)), "2026-01-01T00:00:05Z"),
            ],
        ));
        let first = &turns[0];
        assert_eq!((first.thoughts.as_str(), first.words.as_str()), ("Hm.\n\nWell.", "Now:"));
        assert_eq!(first.whole.as_deref(), Some(text));
        assert_eq!((first.model_s, first.step_s), (Some(2.5), Some(0.0005)));
        assert_eq!((first.from_cache, first.cut.as_deref()), (true, Some("length")));
        let second = &turns[1];
        assert_eq!((second.words.as_str(), second.whole.as_deref()), ("No code.", None));
        assert_eq!(
            (second.model_s, second.from_cache),
            (None, false),
            "the first turn's answer is not the second's"
        );
        let budget = |turn: &Turn, name: &str| {
            let budget = turn.budgets.iter().find(|budget| budget.name == name).unwrap();
            (budget.here, budget.used, budget.left)
        };
        assert_eq!(budget(first, "inspect"), (None, None, Some(9.0)));
        assert_eq!(budget(second, "inspect"), (Some(2.0), None, Some(7.0)));
        assert_eq!(budget(second, "turns"), (Some(1.0), Some(2.0), Some(2.0)));
        assert_eq!(budget(second, "tokens"), (Some(30.0), Some(60.0), Some(40.0)));
        assert_eq!(budget(second, "time"), (None, Some(5.0), Some(55.0)));
        assert_eq!(budget(second, "tool calls"), (Some(0.0), Some(0.0), Some(25.0)));
    }
}
