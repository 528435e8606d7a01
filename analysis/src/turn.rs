//! The outcome of each turn of an episode, as one letter.

use proto::trace::{EventKind, Step, Trace};

use crate::failures::is_failing;

/// The finish reason of a complete answer (see [`proto::trace::ModelResponse::finish_reason`]).
const STOP: &str = "stop";

/// The outcome of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Its code ran to its end.
    Ok,
    /// Its code ended in a missing-variable error (see [`crate::failures`]).
    MissingVariable,
    /// Its code ended in another error.
    OtherError,
    /// Nothing ran: no code, several blocks, or a model call that failed.
    NothingRan,
    /// Nothing ran: the answer was cut off at the model's limit.
    Cut,
}

impl Turn {
    /// All outcomes, in the order of legends.
    pub const ALL: [Self; 5] =
        [Self::Ok, Self::MissingVariable, Self::OtherError, Self::NothingRan, Self::Cut];

    /// The letter in files.
    pub fn letter(self) -> char {
        match self {
            Self::Ok => 'o',
            Self::MissingVariable => 'm',
            Self::OtherError => 'e',
            Self::NothingRan => 'n',
            Self::Cut => 'c',
        }
    }

    /// The outcome of a letter.
    pub fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|turn| turn.letter() == letter)
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ok => "ran",
            Self::MissingVariable => "missing variable",
            Self::OtherError => "other error",
            Self::NothingRan => "nothing ran",
            Self::Cut => "answer cut off",
        }
    }

    /// The outcome of a step. `stopped` is the finish reason of its model call, if the trace has it.
    pub fn of(step: &Step, stopped: Option<&str>) -> Self {
        let ran = step.interpreter_result.is_some() || step.results.is_some();
        match step {
            _ if !ran && stopped.is_some_and(|reason| reason != STOP) => Self::Cut,
            _ if !ran => Self::NothingRan,
            step if step.misses_a_variable() => Self::MissingVariable,
            step if is_failing(step) => Self::OtherError,
            _ => Self::Ok,
        }
    }
}

/// Every step of a trace, with its outcome.
pub fn turns(trace: &Trace) -> Vec<(&Step, Turn)> {
    let mut stopped = None;
    let mut turns = Vec::new();
    for event in &trace.events {
        match &event.kind {
            // A call that fails is not answered.
            EventKind::ModelCallEvent(_) => stopped = None,
            EventKind::ModelResponseEvent(response) => stopped = response.finish_reason.as_deref(),
            EventKind::StepEvent(step) => turns.push((step.as_ref(), Turn::of(step, stopped))),
            _ => {}
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use proto::trace::{InterpreterResult, StepInfo};

    use super::*;

    #[test]
    fn letters_name_every_turn() {
        for turn in Turn::ALL {
            assert_eq!(Turn::of_letter(turn.letter()), Some(turn));
        }
        assert_eq!(Turn::of_letter('x'), None);
    }

    #[test]
    fn an_error_is_of_one_kind() {
        let ran = |error: Option<&str>, exception: Option<&str>| Step {
            interpreter_result: Some(InterpreterResult {
                success: error.is_none(),
                error: error.map(Into::into),
                ..InterpreterResult::default()
            }),
            info: Some(StepInfo { exception_type: exception.map(Into::into), ..StepInfo::default() }),
            ..Step::default()
        };
        assert_eq!(Turn::of(&ran(None, None), Some(STOP)), Turn::Ok);
        assert_eq!(Turn::of(&ran(Some("gone"), Some("NameError")), Some(STOP)), Turn::MissingVariable);
        assert_eq!(Turn::of(&ran(Some("NameError: name 'x'"), None), None), Turn::MissingVariable);
        assert_eq!(Turn::of(&ran(Some("KeyError: 'x'"), Some("KeyError")), None), Turn::OtherError);
    }

    #[test]
    fn a_turn_without_a_run_is_empty_or_cut() {
        let refused = Step { error: Some("several blocks".into()), ..Step::default() };
        assert_eq!(Turn::of(&refused, Some(STOP)), Turn::NothingRan);
        assert_eq!(Turn::of(&Step::default(), None), Turn::NothingRan);
        assert_eq!(Turn::of(&refused, Some("length")), Turn::Cut);
    }
}
