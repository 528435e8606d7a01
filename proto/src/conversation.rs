//! Conversations, and how what an environment answers reads to a model.
//!
//! The agent sends these texts to a model while it plays, and the trainer prepares the same texts from traces, so that
//! a model is run on what it was trained on.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::trace::{InterpreterResult, ToolOutput, Trace};

/// One message of a conversation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A system message.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// A user message.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// An assistant message.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The task, and what the environment answers.
    User,
    /// The model.
    Assistant,
    /// What a tool answered.
    Tool,
}

impl Role {
    /// The name in chat templates, files and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// A line of a chat file (JSON lines), as `agent drills` writes and `trainer prepare --chat` reads it. Other keys,
/// such as an id, are ignored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Chat {
    /// In order.
    pub messages: Vec<Message>,
}

/// How an observation is written, as one line of JSON.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservationFormat {
    /// `success`, `result`, `output` and `error`.
    #[default]
    Full,
    /// `error` if there is one, otherwise `output`: the paper's format of training data.
    Compact,
}

impl ObservationFormat {
    /// The format in which a trace's agent showed observations to its model.
    pub fn of(trace: &Trace) -> Self {
        let prompt = trace.provenance.as_ref().map(|origin| &origin.agent["prompt"]["observation"]);
        prompt.and_then(|format| Self::deserialize(format).ok()).unwrap_or_default()
    }
}

/// The result of a step.
pub fn observation(result: &InterpreterResult, format: ObservationFormat) -> String {
    let InterpreterResult { success, result, output, error } = result;
    let shown = match (format, error) {
        (ObservationFormat::Full, error) => {
            json!({ "success": success, "result": result, "output": output, "error": error })
        }
        (ObservationFormat::Compact, Some(error)) => json!({ "error": error }),
        (ObservationFormat::Compact, None) => json!({ "output": output }),
    };
    shown.to_string()
}

/// The error of a turn in which nothing was run.
pub fn turn_error(error: &str, format: ObservationFormat) -> String {
    let result = InterpreterResult { error: Some(error.to_owned()), ..InterpreterResult::default() };
    observation(&result, format)
}

/// The answer to a turn without a code block. That is not an error: there was nothing to run.
pub const NO_BLOCK: &str = "Your answer holds no code block; nothing was run. To act, write one ```python block; to end the task, \
     call finish() in it.";

/// The results of tools that were called directly (ReAct): one line a call.
pub fn tool_outputs(outputs: &[ToolOutput]) -> String {
    let line = |call: &ToolOutput| format!("Observation: [{}] {}", call.tool, call.output);
    outputs.iter().map(line).collect::<Vec<_>>().join("\n")
}
