//! Tool calls from the interpreter, or directly from the client, into the task's hidden state.

use std::collections::BTreeMap;

use proto::run::Evaluation;
use sandbox::{ToolCall, ToolError, ToolHost};
use serde_json::Value;

use crate::family::{Environment, FINISH};
use crate::tool;

/// The tools of one episode: the family's own, and `finish`.
pub struct Bridge {
    environment: Box<dyn Environment>,
    finished: bool,
    span: tracing::Span,
}

impl Bridge {
    /// The tools of `environment`.
    pub fn new(environment: Box<dyn Environment>) -> Self {
        Self { environment, finished: false, span: tracing::Span::none() }
    }

    /// Tools over a copy of the task's state.
    pub fn fork(&self) -> Self {
        Self { environment: self.environment.fork(), finished: self.finished, span: tracing::Span::none() }
    }

    /// Whether the agent has called `finish()`.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Sets the span of the following tool calls.
    pub fn set_span(&mut self, span: tracing::Span) {
        self.span = span;
    }

    /// How well the task is solved now.
    pub fn evaluate(&self) -> Evaluation {
        self.environment.evaluate()
    }

    /// What is left of the task's own budgets.
    pub fn budget_left(&self) -> BTreeMap<String, i64> {
        self.environment.budget_left()
    }
}

impl ToolHost for Bridge {
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        let _span = tracing::debug_span!(parent: &self.span, "tool_call", tool = %call.name).entered();
        if self.finished {
            return Err(tool::runtime_error("The episode has ended."));
        }
        let answer = self.environment.invoke(call)?;
        self.finished |= call.name == FINISH;
        Ok(answer)
    }
}
