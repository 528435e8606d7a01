//! The first observation.

use proto::task::ToolSpec;
use serde_json::Value;

use crate::family::Environment;

/// What an agent knows of a task before the first step.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// The task in words.
    pub goal: String,
    /// The task's public data, a JSON object as text.
    pub public_json: String,
    /// The functions that the agent's code can call.
    pub tools: Vec<ToolSpec>,
}

impl Opening {
    /// The first observation of a task that has just been opened.
    pub fn of(environment: &dyn Environment) -> Self {
        Self {
            goal: environment.goal(),
            public_json: Value::Object(environment.public().clone()).to_string(),
            tools: environment.tools().to_vec(),
        }
    }
}
