//! Tool calls from the interpreter, or directly from the client, into the task's hidden state.

use std::collections::BTreeMap;

use proto::run::Evaluation;
use sandbox::{ToolCall, ToolError, ToolHost};
use serde_json::Value;

use crate::family::{Environment, FINISH};
use crate::tool;

/// The longest name of a tool that the log shows.
const MAX_NAME_BYTES: usize = 32;

/// The tools of one episode: the family's own, and `finish`.
pub struct Bridge {
    environment: Box<dyn Environment>,
    finished: bool,
    before: Before,
    span: tracing::Span,
}

/// The task's state before the running step.
enum Before {
    /// The step can't be undone.
    NotKept,
    /// The step has called no tool.
    Unchanged,
    /// The step has.
    Kept(Box<dyn Environment>),
}

impl Bridge {
    /// The tools of `environment`.
    pub fn new(environment: Box<dyn Environment>) -> Self {
        Self { environment, finished: false, before: Before::NotKept, span: tracing::Span::none() }
    }

    /// Tools over a copy of the task's state.
    pub fn fork(&self) -> Self {
        Self { finished: self.finished, ..Self::new(self.environment.fork()) }
    }

    /// Whether the agent has called `finish()`.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Begins a step that can be undone. `span` is that of its tool calls.
    pub fn begin(&mut self, span: tracing::Span) {
        // The step before it, if that came to no end: a tool panicked.
        self.undo();
        self.span = span;
        self.before = Before::Unchanged;
    }

    /// Puts back the task's state before the running step.
    pub fn undo(&mut self) {
        if let Before::Kept(environment) = std::mem::replace(&mut self.before, Before::NotKept) {
            self.environment = environment;
            // No step begins after the end.
            self.finished = false;
        }
    }

    /// Ends a step that was not undone. A step without [`Bridge::begin`] needs no end.
    pub fn keep(&mut self) {
        self.before = Before::NotKept;
    }

    /// Sets the span of the following tool calls.
    pub fn set_span(&mut self, span: tracing::Span) {
        self.span = span;
    }

    /// How well the task is solved now.
    pub fn evaluate(&self) -> Evaluation {
        self.environment.evaluate()
    }

    /// The evaluation of an episode in which no step was taken. It says nothing about the reference answer: otherwise
    /// opening and closing an episode would be a way to learn it.
    pub fn evaluate_unplayed(&self) -> Evaluation {
        let mut evaluation = self.evaluate();
        let from_reference = self.environment.reference_metrics();
        evaluation.metrics.retain(|name, _| !from_reference.contains(&name.as_str()));
        evaluation
    }

    /// What is left of the task's own budgets.
    pub fn budget_left(&self) -> BTreeMap<String, i64> {
        self.environment.budget_left()
    }
}

/// The name of a tool as the log shows it. Names of calls are the agent's own words: what can't be a tool's name is not shown.
fn shown(name: &str) -> &str {
    let is_name = name.len() <= MAX_NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_name { name } else { "?" }
}

impl ToolHost for Bridge {
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        let _span =
            tracing::debug_span!(parent: &self.span, "tool_call", tool = %shown(&call.name)).entered();
        if self.finished {
            return Err(tool::runtime_error("The episode has ended."));
        }
        if let Before::Unchanged = self.before {
            self.before = Before::Kept(self.environment.fork());
        }
        let answer = self.environment.invoke(call)?;
        self.finished |= call.name == FINISH;
        Ok(answer)
    }
}
