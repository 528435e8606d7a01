//! Conversations, and how what an environment answers reads to a model.
//!
//! The agent sends these texts to a model while it plays, and the trainer prepares the same texts from traces, so that
//! a model is run on what it was trained on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use crate::tool_call::ToolCall;
use crate::trace::{InterpreterResult, Step, ToolOutput, Trace};

/// One message of a conversation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// The tools that an assistant's message calls, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a tool's message answers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tool_call_id: String,
}

impl Message {
    /// A message of text.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), tool_calls: Vec::new(), tool_call_id: String::new() }
    }

    /// A system message.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new(Role::System, content)
    }

    /// A user message.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new(Role::User, content)
    }

    /// An assistant message.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// A tool's answer to a call.
    pub fn tool(call: &ToolCall, content: impl Into<String>) -> Self {
        Self { tool_call_id: call.id.clone(), ..Self::new(Role::Tool, content) }
    }
}

/// Adds a message to a conversation. One system message that follows another, or one user message, becomes its end: many
/// models' chat templates take a single system message, and roles that alternate.
pub fn push(messages: &mut Vec<Message>, message: Message) {
    match messages.last_mut() {
        Some(last) if last.role == message.role && matches!(last.role, Role::System | Role::User) => {
            last.content.push_str("\n\n");
            last.content.push_str(&message.content);
        }
        _ => messages.push(message),
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

/// What a model is shown of a turn's result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shown {
    /// How it is written.
    pub format: ObservationFormat,
    /// Whether standard error is shown, where there is some.
    pub error_output: bool,
    /// Whether the model calls tools itself (ReAct) and writes no code.
    pub calls_tools: bool,
}

impl Default for Shown {
    fn default() -> Self {
        Self { format: ObservationFormat::default(), error_output: true, calls_tools: false }
    }
}

impl Shown {
    /// What a trace's agent showed to its model.
    pub fn of(trace: &Trace) -> Self {
        let Some(origin) = &trace.provenance else { return Self::default() };
        let prompt = &origin.agent["prompt"];
        Self {
            format: ObservationFormat::deserialize(&prompt["observation"]).unwrap_or_default(),
            error_output: prompt["hide_error_output"] != true,
            calls_tools: origin.agent["agent_type"] == "react",
        }
    }
}

/// What the model said in a turn. Empty if it could not be asked.
pub fn said(step: &Step) -> Option<Message> {
    // Calls that were written as text are a part of the text.
    let called = step.calls.iter().filter(|call| !call.id.is_empty()).cloned();
    let message = Message { tool_calls: called.collect(), ..Message::assistant(step.kept()) };
    (!message.content.is_empty() || !message.tool_calls.is_empty()).then_some(message)
}

/// The messages that answer a turn; none if its action was not answered, because the server was lost.
pub fn replies(step: &Step, shown: Shown) -> Vec<Message> {
    let text = match (&step.results, &step.interpreter_result, &step.error) {
        (Some(outputs), ..) if step.calls.iter().any(|call| !call.id.is_empty()) => {
            let answer = |(call, answer): (&ToolCall, &ToolOutput)| Message::tool(call, &answer.output);
            return step.calls.iter().zip(outputs).map(answer).collect();
        }
        (Some(outputs), ..) => Some(tool_outputs(outputs)),
        (None, Some(result), _) => Some(observation(result, shown)),
        (None, None, Some(error)) => Some(turn_error(error, shown)),
        (None, None, None) if shown.calls_tools => step.calls.is_empty().then(|| NO_CALL.to_owned()),
        (None, None, None) => step.code.is_none().then(|| NO_BLOCK.to_owned()),
    };
    text.map(Message::user).into_iter().collect()
}

/// The result of a step.
fn observation(result: &InterpreterResult, shown: Shown) -> String {
    let Shown { format, error_output: shows_error_output, .. } = shown;
    let InterpreterResult { success, result, output, error_output, error } = result;
    let mut keys = Map::new();
    if format == ObservationFormat::Full {
        keys.insert("success".into(), json!(success));
        keys.insert("result".into(), result.clone());
    }
    if format == ObservationFormat::Full || error.is_none() {
        keys.insert("output".into(), json!(output));
    }
    if shows_error_output && !error_output.is_empty() {
        keys.insert("error_output".into(), json!(error_output));
    }
    if format == ObservationFormat::Full || error.is_some() {
        keys.insert("error".into(), json!(error));
    }
    Value::Object(keys).to_string()
}

/// The error of a turn in which nothing was run.
fn turn_error(error: &str, shown: Shown) -> String {
    let result = InterpreterResult { error: Some(error.to_owned()), ..InterpreterResult::default() };
    observation(&result, shown)
}

/// The answer to a turn without a code block. That is not an error: there was nothing to run.
pub const NO_BLOCK: &str = "Your answer holds no code block; nothing was run. To act, write one ```python block; to end the task, \
     call finish() in it.";

/// The answer to a turn of a model that calls tools itself, but called none.
pub const NO_CALL: &str =
    "Your answer calls no tool; nothing was done. To act, call a tool; to end the task, call finish.";

/// The results of tools that were called directly (ReAct): one line a call.
pub fn tool_outputs(outputs: &[ToolOutput]) -> String {
    let line = |call: &ToolOutput| format!("Observation: [{}] {}", call.tool, call.output);
    outputs.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_and_user_messages_in_a_row_become_one() {
        let mut messages = Vec::new();
        for message in [
            Message::system("a"),
            Message::system("b"),
            Message::user("c"),
            Message::user("d"),
            Message::assistant("e"),
            Message::assistant("f"),
            Message::user("g"),
        ] {
            push(&mut messages, message);
        }
        let joined = [
            Message::system("a\n\nb"),
            Message::user("c\n\nd"),
            Message::assistant("e"),
            Message::assistant("f"),
            Message::user("g"),
        ];
        assert_eq!(messages, joined);
    }

    #[test]
    fn standard_error_follows_the_output_unless_it_is_hidden() {
        let result = InterpreterResult {
            success: true,
            output: "1\n".into(),
            error_output: "w\n".into(),
            ..InterpreterResult::default()
        };
        let failed = InterpreterResult { success: false, error: Some("E".into()), ..result.clone() };
        let read = |result: &InterpreterResult, format, error_output| {
            let step = Step { interpreter_result: Some(result.clone()), ..Step::default() };
            replies(&step, Shown { format, error_output, ..Shown::default() }).remove(0).content
        };
        use ObservationFormat::{Compact, Full};
        assert_eq!(
            read(&result, Full, true),
            r#"{"success":true,"result":null,"output":"1\n","error_output":"w\n","error":null}"#
        );
        assert_eq!(
            read(&result, Full, false),
            r#"{"success":true,"result":null,"output":"1\n","error":null}"#
        );
        assert_eq!(read(&result, Compact, true), r#"{"output":"1\n","error_output":"w\n"}"#);
        assert_eq!(read(&result, Compact, false), r#"{"output":"1\n"}"#);
        assert_eq!(read(&failed, Compact, true), r#"{"error_output":"w\n","error":"E"}"#);
        assert_eq!(read(&failed, Compact, false), r#"{"error":"E"}"#);
    }

    #[test]
    fn what_is_shown_is_read_from_the_agents_config() {
        let shown = |agent: Value| {
            let provenance = crate::trace::Provenance { agent, ..Default::default() };
            let (summary, events) = Default::default();
            Shown::of(&Trace {
                started_at: None,
                finished_at: None,
                provenance: Some(provenance),
                summary,
                events,
            })
        };
        assert_eq!(shown(json!({})), Shown::default());
        assert_eq!(
            shown(json!({ "prompt": { "observation": "compact", "hide_error_output": true } })),
            Shown { format: ObservationFormat::Compact, error_output: false, calls_tools: false }
        );
    }
}
