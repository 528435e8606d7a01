//! A step as data: the action that was asked for, and the answer to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proto::task::TaskState;
use sandbox::{Definition, Failure, Outcome};
use serde::{Deserialize, Serialize};

use super::encoding::{decode_first, encode, unreadable};
use super::end::{End, EndReason};
use super::tool_record::ToolCallRecord;
use crate::error::Error;

/// A request to take a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The episode.
    pub episode_id: String,
    /// 0 for the first step, then one more each time.
    pub index: u64,
    /// What to do; a request without an action is refused.
    pub action: Option<Action>,
}

impl Request {
    /// Whether it is what was kept of `asked`.
    pub fn is_of(&self, asked: &Self) -> bool {
        match (&self.action, &asked.action) {
            (Some(kept), Some(asked)) => kept.is_of(asked),
            (kept, asked) => kept == asked,
        }
    }

    /// The size of its texts, in bytes.
    pub fn bytes(&self) -> usize {
        match &self.action {
            None => 0,
            Some(Action::Code(code)) => code.len(),
            Some(Action::ToolCalls(calls)) => {
                calls.iter().map(|call| size_of_val(call) + call.name.len() + call.arguments_json.len()).sum()
            }
            Some(Action::LongCode { beginning, .. }) => beginning.len(),
        }
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Runs a block of Python.
    Code(String),
    /// Calls tools directly, in order, without the interpreter.
    ToolCalls(Vec<DirectCall>),
    /// Code that was too long to run. It is not kept.
    LongCode {
        /// How it begins.
        beginning: String,
        /// SHA-256 of all of it, in hexadecimal.
        sha256: String,
    },
}

/// What is kept of code that was too long to run, in bytes.
const BEGINNING_BYTES: usize = 1 << 10;

impl Action {
    /// What is kept of it, where code of more than `code_bytes` does not run.
    #[must_use]
    pub fn kept(self, code_bytes: usize) -> Self {
        match self {
            Self::Code(code) if code.len() > code_bytes => {
                let beginning = code[..code.floor_char_boundary(BEGINNING_BYTES)].to_owned();
                Self::LongCode { beginning, sha256: files::digest::bytes(code) }
            }
            other => other,
        }
    }

    /// Whether it is what was kept of `asked`.
    pub fn is_of(&self, asked: &Self) -> bool {
        match (self, asked) {
            (Self::LongCode { beginning, sha256 }, Self::Code(code)) => {
                code.starts_with(beginning) && *sha256 == files::digest::bytes(code)
            }
            (kept, asked) => kept == asked,
        }
    }
}

/// A tool call that a client makes without the interpreter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectCall {
    /// The tool's name.
    pub name: String,
    /// A JSON array (positional) or a JSON object (by keyword), as text.
    pub arguments_json: String,
}

/// A step that was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The request.
    pub request: Request,
    /// The answer to it.
    pub answer: Answer,
    /// The task's state after it, where the step changed it and it does not follow from the tool calls.
    #[serde(skip)]
    pub state: Option<Arc<TaskState>>,
}

impl Record {
    /// How it is stored: itself, and the task's state as JSON if there is one.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = encode(self);
        if let Some(state) = &self.state {
            // Maps with texts as keys, and finite numbers: nothing that JSON refuses.
            bytes.extend(serde_json::to_vec(state.as_ref()).unwrap_or_default());
        }
        bytes
    }

    /// Reverses [`Record::to_bytes`].
    ///
    /// # Errors
    /// Other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (record, rest) = decode_first::<Self>(bytes)?;
        if rest.is_empty() {
            return Ok(record);
        }
        let state: TaskState = serde_json::from_slice(rest).map_err(unreadable)?;
        Ok(Self { state: Some(Arc::new(state)), ..record })
    }
}

/// The answer to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What the agent sees.
    pub observation: Observation,
    /// Facts about the step that the agent does not see.
    pub info: Info,
    /// Set on the step that ends the episode.
    pub end: Option<End>,
}

impl Answer {
    /// The evaluation's score on the step that ends the episode, otherwise 0.
    pub fn reward(&self) -> f64 {
        self.end.as_ref().map_or(0.0, |end| end.evaluation.score)
    }

    /// Whether the task reached its own end with this step: the agent called `finish()`.
    pub fn terminated(&self) -> bool {
        self.ended_by(EndReason::Finished)
    }

    /// Whether a limit cut the episode off with this step.
    pub fn truncated(&self) -> bool {
        self.ended_by(EndReason::MaxSteps)
    }

    fn ended_by(&self, reason: EndReason) -> bool {
        self.end.as_ref().is_some_and(|end| end.reason == reason)
    }
}

/// What the agent sees of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Whether there was no error.
    pub success: bool,
    /// Standard output, also of a step that failed.
    pub output: String,
    /// Bytes of standard output past the limit, which were left out.
    pub output_left_out: u64,
    /// Standard error, also of a step that failed.
    pub error_output: String,
    /// Bytes of standard error past the limit, which were left out.
    pub error_output_left_out: u64,
    /// The error text, as the agent should read it; empty if there was no error.
    pub error: String,
    /// The kind of error.
    pub failure: Option<Failure>,
    /// Names that the agent's code has defined, sorted.
    pub globals: Vec<String>,
    /// Answers of [`Action::ToolCalls`], in order.
    pub tool_results: Vec<ToolCallRecord>,
}

/// Facts about a step that are not part of the observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// Every tool call of the step, in order.
    pub tool_calls: Vec<ToolCallRecord>,
    /// What is left of the task's own budgets, by name.
    pub budget_left: BTreeMap<String, i64>,
    /// Steps left before `max_steps` truncates the episode.
    pub steps_left: u32,
    /// Interpreter fuel used.
    pub fuel_used: u64,
    /// Time in the interpreter, or in the tools.
    pub run_time: Duration,
    /// Time spent waiting for earlier steps of the episode and for a free worker.
    pub queue_time: Duration,
    /// Names that the step's top-level code bound, if the episode records them.
    pub definitions: Vec<Definition>,
    /// Whether the interpreter's state was lost before this step.
    pub state_lost: bool,
    /// Whether what the code did to the interpreter stays: to come to the same state, the step must be run again.
    pub kept: bool,
}

/// What a block of code has led to.
pub fn of_outcome(outcome: Outcome) -> (Observation, Info) {
    let observation = Observation {
        success: outcome.success,
        output: outcome.output,
        output_left_out: outcome.output_left_out,
        error_output: outcome.error_output,
        error_output_left_out: outcome.error_output_left_out,
        error: outcome.error.unwrap_or_default(),
        failure: outcome.failure,
        globals: outcome.globals,
        tool_results: Vec::new(),
    };
    let info = Info {
        tool_calls: outcome.tool_calls.into_iter().map(ToolCallRecord::from).collect(),
        fuel_used: outcome.fuel_used,
        definitions: outcome.definitions,
        kept: outcome.kept,
        ..Info::default()
    };
    (observation, info)
}

#[cfg(test)]
mod tests {
    use proto::run::Evaluation;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_stored_with_the_task_s_state_if_it_has_one() {
        let metrics = json!({"guesses": 3}).as_object().cloned().unwrap();
        let state = TaskState {
            budget_left: BTreeMap::from([("guesses".to_owned(), 7)]),
            evaluation: Evaluation { is_solved: true, score: 0.1 + 0.2, metrics },
            state_json: r#"{"text": "é", "number": 1.0}"#.to_owned(),
        };
        let request = Request { episode_id: "one".to_owned(), index: 3, action: None };
        let answer = Answer { observation: Observation::default(), info: Info::default(), end: None };
        for state in [None, Some(Arc::new(state))] {
            let record = Record { request: request.clone(), answer: answer.clone(), state };
            let bytes = record.to_bytes();
            assert_eq!(Record::from_bytes(&bytes).unwrap(), record);
            let is_plain = bytes == encode(&record);
            assert_eq!(is_plain, record.state.is_none(), "others are stored as before");
        }
    }
}
