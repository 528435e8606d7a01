//! The contract of a task family: what an episode asks of its hidden state.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::run::Evaluation;
use proto::task::{TaskState, ToolSpec};
use sandbox::{Stop, ToolAnswer, ToolCall, ToolError};
use serde_json::{Map, Value};

use crate::tool::{self, Bound};

/// The tool of every family that ends the episode. The episode acts on it; the environment only accepts the call.
pub const FINISH: &str = "finish";

/// One episode's hidden state.
pub trait Environment: Send + Sync {
    /// The functions that the agent's code can call, [`FINISH`] among them.
    fn tools(&self) -> &[ToolSpec];

    /// The task in words, for a model to read. It mentions neither the interpreter nor the tools, which describe
    /// themselves.
    fn goal(&self) -> String;

    /// What the agent may see of the task.
    fn public(&self) -> &Map<String, Value>;

    /// Runs one of [`Environment::tools`] on arguments that are bound to its
    /// parameters.
    ///
    /// # Errors
    /// [`ToolError`], for the agent to see; the call then changed nothing.
    fn call(&mut self, tool: &str, arguments: &[Bound]) -> Result<Value, ToolError>;

    /// How well the task is solved now.
    fn evaluate(&self) -> Evaluation;

    /// The metrics of an evaluation that give the reference answer's quality away.
    fn reference_metrics(&self) -> &[&'static str] {
        &[]
    }

    /// What is left of the task's own budgets, by name.
    fn budget_left(&self) -> BTreeMap<String, i64>;

    /// An independent copy.
    fn fork(&self) -> Box<dyn Environment>;

    /// Binds a call's arguments and runs it.
    ///
    /// # Errors
    /// [`ToolError`], for the agent to see; the call then changed nothing.
    fn invoke(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        let Some(spec) = self.tools().iter().find(|spec| spec.name == call.name) else {
            return Err(tool::unknown_tool(&call.name));
        };
        let arguments = tool::bind(spec, call)?;
        self.call(&call.name, &arguments)
    }

    /// The same, for families whose tools may take a while: others answer at once.
    fn ask(&mut self, call: &ToolCall) -> ToolAnswer {
        ToolAnswer::Now(self.invoke(call))
    }

    /// Notes that a step begins, which `stop` stops: also while it waits for an answer.
    fn begin_step(&mut self, _stop: &Stop) {}

    /// The state, of a family whose state is kept with the steps; that of others follows from their tool calls.
    fn state(&self) -> Option<Arc<TaskState>> {
        None
    }

    /// Puts the task into a state that [`Environment::state`] has given.
    fn restore(&mut self, _state: &Arc<TaskState>) {}
}
