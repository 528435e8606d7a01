//! Tool calls from the interpreter, or directly from the client, into the task's hidden state.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::run::Evaluation;
use proto::task::TaskState;
use sandbox::{Stop, ToolAnswer, ToolCall, ToolError, ToolHost};
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
    /// The state that is kept with the steps, as the last one that was kept has it.
    kept: Option<Arc<TaskState>>,
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
        let kept = environment.state();
        Self { environment, finished: false, before: Before::NotKept, kept, span: tracing::Span::none() }
    }

    /// Tools over a copy of the task's state.
    pub fn fork(&self) -> Self {
        Self { finished: self.finished, ..Self::new(self.environment.fork()) }
    }

    /// Whether the agent has called `finish()`.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Begins a step that can be undone, and that `stop` stops. `span` is that of its tool calls.
    pub fn begin(&mut self, span: tracing::Span, stop: &Stop) {
        // The step before it, if that came to no end: a tool panicked.
        self.undo();
        self.environment.begin_step(stop);
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

    /// Whether the task's state is kept with the steps. Otherwise it follows from their tool calls.
    pub fn keeps_state(&self) -> bool {
        self.kept.is_some()
    }

    /// The state to keep with a step that has ended; `None` if the step did not change it, or it follows from the tool calls.
    pub fn new_state(&mut self) -> Option<Arc<TaskState>> {
        let state = self.environment.state()?;
        let is_kept = self.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, &state));
        (!is_kept).then(|| self.kept.insert(state).clone())
    }

    /// Puts the task into the state that was kept with a step.
    pub fn restore(&mut self, state: &Arc<TaskState>) {
        self.environment.restore(state);
        self.kept = Some(state.clone());
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
        match self.ask(call) {
            ToolAnswer::Now(answer) => answer,
            ToolAnswer::Later(_) => Err(tool::runtime_error("The tool has not answered at once.")),
        }
    }

    fn ask(&mut self, call: &ToolCall) -> ToolAnswer {
        let _span =
            tracing::debug_span!(parent: &self.span, "tool_call", tool = %shown(&call.name)).entered();
        if self.finished {
            return ToolAnswer::Now(Err(tool::runtime_error("The episode has ended.")));
        }
        if let Before::Unchanged = self.before {
            self.before = Before::Kept(self.environment.fork());
        }
        let answer = self.environment.ask(call);
        self.finished |= call.name == FINISH && matches!(answer, ToolAnswer::Now(Ok(_)));
        answer
    }
}
