//! Messages as chat files and requests have them: OpenAI's objects, of which text and calls of functions are supported.

use proto::conversation::{Message, Role, ToolCall};
use serde_json::Value;

/// Where messages come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A file to learn from: every key that a template might print is known, or refused.
    File,
    /// A request: null is the empty text and other keys are ignored, as in vLLM; those that hold what the model
    /// would have to see are refused.
    Request,
}

/// Keys that hold more of a message than its text.
const MORE: [&str; 4] = ["audio", "function_call", "reasoning", "reasoning_content"];

/// Reads a list of messages.
///
/// # Errors
/// The first problem, with its path, such as `messages[0].content[1]`.
pub fn read_all(values: &[Value], origin: Origin) -> Result<Vec<Message>, (String, String)> {
    let read = |(number, value)| {
        let place = format!("messages[{number}]");
        read(value, origin).map_err(|(path, problem)| (format!("{place}{path}"), problem))
    };
    values.iter().enumerate().map(read).collect()
}

/// Reads a message.
fn read(value: &Value, origin: Origin) -> Result<Message, (String, String)> {
    let Some(map) = value.as_object() else {
        return Err((String::new(), "is not an object with `role` and `content`".to_owned()));
    };
    let wrong = |key: &str, problem: String| (format!(".{key}"), problem);
    let role = match map.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System, // OpenAI's newer name for it
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        Some(other) => {
            let known = "system, developer, user, assistant, tool";
            return Err(wrong("role", format!("is {other:?}; known are {known}")));
        }
        None => return Err(wrong("role", "is missing or no string".to_owned())),
    };
    for (key, value) in
        map.iter().filter(|(key, value)| !matches!(key.as_str(), "role" | "content") && !is_empty(value))
    {
        let answers_call = role == Role::Tool && matches!(key.as_str(), "tool_call_id" | "name");
        let calls = role == Role::Assistant && key == "tool_calls";
        let counts_once = key == "weight" && value.as_f64() == Some(1.0);
        if MORE.contains(&key.as_str()) || (origin == Origin::File && !answers_call && !calls && !counts_once)
        {
            return Err(wrong(key, format!("is not supported: {value}")));
        }
    }
    let tool_calls = match map.get("tool_calls").filter(|calls| !is_empty(calls) && role == Role::Assistant) {
        None => Vec::new(),
        Some(Value::Array(calls)) => {
            let calls: Result<Vec<ToolCall>, _> =
                calls.iter().enumerate().map(|(number, value)| call(number, value)).collect();
            calls.map_err(|(number, problem)| wrong(&format!("tool_calls[{number}]"), problem))?
        }
        Some(_) => return Err(wrong("tool_calls", "is not a list".to_owned())),
    };
    let content = match map.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let parts: Result<Vec<&str>, _> =
                parts.iter().enumerate().map(|(number, part)| text_of(number, part)).collect();
            parts.map_err(|(number, problem)| wrong(&format!("content[{number}]"), problem))?.join("\n") // as in vLLM
        }
        None | Some(Value::Null) if origin == Origin::Request || !tool_calls.is_empty() => String::new(),
        None | Some(Value::Null) => return Err(wrong("content", "is missing or null".to_owned())),
        Some(_) => return Err(wrong("content", "must be a string, or a list of text parts".to_owned())),
    };
    let tool_call_id = map.get("tool_call_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Message { role, content, tool_calls, tool_call_id })
}

/// A call of a function. Its arguments may be JSON text, as in OpenAI's API, or an object, as in many files.
fn call(number: usize, value: &Value) -> Result<ToolCall, (usize, String)> {
    let function = &value["function"];
    let Some(name) = function["name"].as_str() else {
        return Err((number, "has no `function` with a `name`".to_owned()));
    };
    let arguments = match &function["arguments"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        arguments => arguments.to_string(),
    };
    let id = value["id"].as_str().unwrap_or_default().to_owned();
    Ok(ToolCall { id, name: name.to_owned(), arguments })
}

/// The text of a part of a message.
fn text_of(number: usize, part: &Value) -> Result<&str, (usize, String)> {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
    match (part, kind, part.get("text")) {
        (Value::String(text), ..) | (_, "text", Some(Value::String(text))) => Ok(text),
        (_, "text", _) => Err((number, "has no `text`".to_owned())),
        _ => Err((number, format!("is of type {kind:?}; only text is supported"))),
    }
}

/// Whether the value of a key says nothing.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
