//! Tool calls and observations that a model writes in place of Python.

use serde_json::Value;

use super::parts::{Content, Part};

/// Why a reply asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// It holds no code block.
    NoBlock,
    /// It calls a tool by JSON or tags, as if tools were called directly.
    ToolCall,
    /// It writes an observation, as if it were the environment.
    Observation,
}

/// What models begin a direct tool call with.
const CALLS: [&str; 10] = [
    "<tool_call>",
    "<|tool_call",
    "<function_call>",
    "<function_calls>",
    "<function=",
    "<invoke ",
    "<tool_use>",
    "<tool_calls>",
    "[TOOL_CALLS]",
    "<｜tool▁call",
];

/// Why a reply without code asks for nothing.
pub fn reason(parts: &[Part<'_>]) -> Nothing {
    let visible = parts.iter().filter(|part| part.content != Content::Thoughts);
    let lines: Vec<&str> = visible.flat_map(|part| part.lines.iter().copied()).collect();
    if lines.iter().any(|line| CALLS.iter().any(|call| line.trim_start().starts_with(call))) {
        return Nothing::ToolCall;
    }
    let text = lines.join("\n");
    // JSON may stand among words, over several lines or on one.
    let braced = text.find('{').zip(text.rfind('}')).and_then(|(start, end)| text.get(start..=end));
    let blocks = parts.iter().filter_map(|part| match &part.content {
        Content::Block(block) => Some(block.code.as_str()),
        _ => None,
    });
    let mut texts = blocks.chain([text.as_str()]).chain(braced).chain(lines.iter().copied().map(after_label));
    texts.find_map(of_text).unwrap_or(Nothing::NoBlock)
}

/// A line from its first brace on.
fn after_label(line: &str) -> &str {
    line.find('{').map_or("", |start| &line[start..])
}

/// What a text is that is JSON and nothing else: a call or an observation.
pub fn of_text(text: &str) -> Option<Nothing> {
    let values = values(text);
    let mut objects = values.iter().flat_map(|value| match value {
        Value::Array(elements) => elements.iter().collect(),
        value => vec![value],
    });
    let is_observation = |object: &Value| has(object, &["output", "error", "observation"]);
    if objects.clone().any(is_call) {
        Some(Nothing::ToolCall)
    } else {
        objects.any(is_observation).then_some(Nothing::Observation)
    }
}

/// Whether a text is JSON with an object or array, and nothing else.
pub fn is_json(text: &str) -> bool {
    !values(text).is_empty()
}

/// The objects and arrays that a text consists of: one, or one after the other. Empty if it holds anything else. Python's
/// spelling is taken for JSON's.
fn values(text: &str) -> Vec<Value> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return Vec::new();
    }
    let python = || {
        let text = text.replace('\'', "\"").replace("None", "null");
        text.replace("True", "true").replace("False", "false")
    };
    let stream = |text: &str| -> Option<Vec<Value>> {
        serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().ok()
    };
    let values = stream(text).or_else(|| stream(&python())).unwrap_or_default();
    if values.iter().all(|value| value.is_object() || value.is_array()) { values } else { Vec::new() }
}

fn is_call(object: &Value) -> bool {
    const NAMES: [&str; 6] = ["name", "tool", "function", "tool_name", "action", "recipient_name"];
    const ARGUMENTS: [&str; 7] =
        ["arguments", "args", "parameters", "kwargs", "input", "action_input", "tool_input"];
    has(object, &["tool_calls", "function_call", "tool_call", "tool_uses"])
        || has(object, &NAMES) && has(object, &ARGUMENTS)
        || object["function"].is_object() && is_call(&object["function"])
}

fn has(object: &Value, keys: &[&str]) -> bool {
    keys.iter().any(|key| object.get(key).is_some())
}
