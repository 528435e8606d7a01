//! Why a turn failed, and in which line.

use proto::trace::Step;
use proto::trace::is_missing_variable;
use serde::Serialize;

/// Why a turn failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The exception's class, the kind of another error, or `not run`.
    pub kind: String,
    /// The text without its last line: the traceback.
    pub before: String,
    /// The text's last line.
    pub last: String,
    /// The line of the turn's code that failed, from 1.
    pub line: Option<usize>,
    /// The name that was not defined.
    pub missing_name: Option<String>,
}

impl Failure {
    /// Why the step failed; `None` if it did not.
    pub fn of(step: &Step) -> Option<Self> {
        let info = step.info.as_ref();
        let kind = info.and_then(|info| info.exception_type.clone().or_else(|| info.error_kind.clone()));
        let ran = step.interpreter_result.as_ref().and_then(|result| result.error.as_ref());
        let text = match (ran, &step.error, &kind) {
            (Some(error), ..) => error.trim_end(),
            (None, Some(error), _) => error.trim_end(),
            // Direct calls of tools have their own texts.
            (None, None, Some(_)) => "",
            (None, None, None) => return None,
        };
        let (before, last) = text.rsplit_once('\n').unwrap_or(("", text));
        let kind = kind.unwrap_or_else(|| if ran.is_some() { kind_in(last) } else { "not run".to_owned() });
        let is_name = is_missing_variable(&kind);
        let missing_name = last.split('\'').nth(1).filter(|_| is_name).map(str::to_owned);
        Some(Self { kind, before: before.to_owned(), last: last.to_owned(), line: line(text), missing_name })
    }
}

/// The exception in the last line of a traceback, such as `KeyError` in `KeyError: 'a'`.
fn kind_in(line: &str) -> String {
    let class = line.split(':').next().unwrap_or_default().trim();
    let is_class = !class.is_empty() && class.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    if is_class { class.to_owned() } else { "error".to_owned() }
}

/// The line in the first frame of a traceback: the turn's own code, where it called others.
fn line(traceback: &str) -> Option<usize> {
    let frame = traceback.lines().find(|line| line.trim_start().starts_with("File \"<"))?;
    let number = frame.split(", line ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proto::trace::{InterpreterResult, StepInfo};

    use super::*;

    #[test]
    fn a_traceback_has_a_line_a_kind_and_a_name() {
        let error = "Traceback (most recent call last):\n  File \"<string>\", line 12, in <module>\n  \
                     File \"<string>\", line 2, in a\nNameError: name 'known' is not defined";
        let result = InterpreterResult { error: Some(error.into()), ..InterpreterResult::default() };
        let step = Step { interpreter_result: Some(result), ..Step::default() };
        let failure = Failure::of(&step).unwrap();
        assert_eq!((failure.kind.as_str(), failure.line), ("NameError", Some(12)));
        assert_eq!(failure.missing_name.as_deref(), Some("known"));
        assert_eq!(failure.last, "NameError: name 'known' is not defined");
        assert!(failure.before.ends_with("in a"));
    }

    #[test]
    fn what_did_not_run_failed_too() {
        let step = Step { error: Some("Write one block.".into()), ..Step::default() };
        let failure = Failure::of(&step).unwrap();
        assert_eq!((failure.kind.as_str(), failure.last.as_str()), ("not run", "Write one block."));
        let info = StepInfo { error_kind: Some("tool_call_limit".into()), ..StepInfo::default() };
        assert_eq!(
            Failure::of(&Step { info: Some(info), ..Step::default() }).unwrap().kind,
            "tool_call_limit"
        );
        assert_eq!(Failure::of(&Step::default()), None);
    }
}
