//! What a policy answers.

use proto::conversation::ToolCall;
use serde_json::{Value, json};

/// The next assistant message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its text: words, and a block of Python if the policy writes code.
    pub text: String,
    /// The tools that it calls, in order, without ids.
    pub calls: Vec<ToolCall>,
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, calls: Vec::new() }
    }
}

/// A call of a tool without parameters.
pub fn call(tool: &str) -> ToolCall {
    with_arguments(tool, &json!({}))
}

/// A call of a tool with one parameter.
pub fn call_with(tool: &str, parameter: &str, value: impl Into<Value>) -> ToolCall {
    with_arguments(tool, &json!({ parameter: value.into() }))
}

fn with_arguments(tool: &str, arguments: &Value) -> ToolCall {
    ToolCall { id: String::new(), name: tool.to_owned(), arguments: arguments.to_string() }
}

/// The call that ends the task.
pub fn finish() -> ToolCall {
    call("finish")
}
