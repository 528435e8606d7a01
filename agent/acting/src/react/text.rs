//! Calls of tools in the text of a model without function calling.
//!
//! Read are, in this order, what the model is told to write, `<tool_call>` tags with a JSON object (the form of Hermes and
//! Qwen); the lines `Action:` and `Action Input:` of the ReAct paper (arXiv 2210.03629); and a JSON object in a fence. What
//! a model thinks, and what it makes up after its calls, is not read.

use proto::conversation::ToolCall;
use serde_json::Value;

use crate::reply;

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";
const ACTION: &str = "Action:";
const INPUT: &str = "Action Input:";
const OBSERVATION: &str = "Observation:";

/// A call as the model is told to write it.
pub fn written(call: &ToolCall) -> String {
    let name = Value::from(call.name.as_str());
    format!("{OPEN}\n{{\"name\": {name}, \"arguments\": {}}}\n{CLOSE}", call.arguments)
}

/// The calls in an answer, in order.
pub fn calls(answer: &str) -> Vec<ToolCall> {
    let text = reply::without_thoughts(answer);
    // A model that goes on after its calls makes up the answers.
    let text = match text.find(&format!("\n{OBSERVATION}")) {
        Some(end) => &text[..end],
        None => &text,
    };
    [tagged, lines, fenced]
        .into_iter()
        .map(|read| read(text))
        .find(|calls| !calls.is_empty())
        .unwrap_or_default()
}

/// Objects between tags; the last may be without its closing tag.
fn tagged(text: &str) -> Vec<ToolCall> {
    let mut parts = text.split(OPEN);
    parts.next();
    parts.map(|part| part.split(CLOSE).next().unwrap_or(part)).map(object).collect()
}

/// A line with a tool's name, and one with its arguments.
fn lines(text: &str) -> Vec<ToolCall> {
    let mut calls: Vec<ToolCall> = Vec::new();
    let mut reads_input = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(input) = line.strip_prefix(INPUT) {
            reads_input = true;
            calls.last_mut().into_iter().for_each(|call| input.trim().clone_into(&mut call.arguments));
        } else if let Some(name) = line.strip_prefix(ACTION) {
            reads_input = false;
            let name = name.trim().trim_matches('`').to_owned();
            calls.push(ToolCall { name, ..ToolCall::default() });
        } else if let (true, Some(call)) = (reads_input && !line.starts_with("Thought:"), calls.last_mut()) {
            call.arguments.push('\n');
            call.arguments.push_str(line);
        } else {
            reads_input = false;
        }
    }
    calls
}

/// A JSON object, or a list of them, in a fence or as the whole answer.
fn fenced(text: &str) -> Vec<ToolCall> {
    let inner = match text.split_once("```") {
        Some((_, rest)) => {
            let rest = rest.split_once('\n').map_or(rest, |(_, rest)| rest);
            rest.split("```").next().unwrap_or(rest)
        }
        None => text,
    };
    let objects = match serde_json::from_str(inner.trim()) {
        Ok(Value::Array(objects)) => objects,
        Ok(object) => vec![object],
        Err(_) => return Vec::new(),
    };
    objects.iter().filter_map(named).collect()
}

/// A call as an object; what is no such object is a call without a name, so that the model is told.
fn object(text: &str) -> ToolCall {
    let value = serde_json::from_str::<Value>(text.trim()).ok();
    value
        .as_ref()
        .and_then(named)
        .unwrap_or_else(|| ToolCall { arguments: text.trim().to_owned(), ..ToolCall::default() })
}

fn named(value: &Value) -> Option<ToolCall> {
    let call = value.get("function").filter(|function| function.is_object()).unwrap_or(value);
    let name = ["name", "tool", "function"].iter().find_map(|key| call.get(key)?.as_str())?;
    let arguments = ["arguments", "parameters", "args", "input"].iter().find_map(|key| call.get(key));
    let arguments = match arguments {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(arguments) => arguments.to_string(),
    };
    Some(ToolCall { name: name.to_owned(), arguments, ..ToolCall::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_as_models_write_them() {
        let cases: [(&str, &[(&str, &str)]); 15] = [
            (
                "I look.\n<tool_call>\n{\"name\": \"list_items\", \"arguments\": {}}\n</tool_call>",
                &[("list_items", "{}")],
            ),
            (
                "<tool_call>{\"name\":\"a\",\"arguments\":{\"x\":1}}</tool_call> and \
                 <tool_call>{\"name\":\"b\",\"parameters\":{\"y\":2}}</tool_call>",
                &[("a", "{\"x\":1}"), ("b", "{\"y\":2}")],
            ),
            (
                "<tool_call>{\"name\": \"a\", \"arguments\": \"{\\\"x\\\": 1}\"}</tool_call>",
                &[("a", "{\"x\": 1}")],
            ),
            ("<tool_call>{\"name\": \"a\"}", &[("a", "")]),
            ("<tool_call>{\"name\": \"a\", </tool_call>", &[("", "{\"name\": \"a\",")]),
            (
                "Thought: x\nAction: inspect\nAction Input: {\"item_id\": \"a\"}",
                &[("inspect", "{\"item_id\": \"a\"}")],
            ),
            (
                "Action: a\nAction Input: {\"x\":\n1}\nThought: more\nAction: `b`\nAction Input: {}",
                &[("a", "{\"x\":\n1}"), ("b", "{}")],
            ),
            ("Action: finish", &[("finish", "")]),
            ("```json\n{\"name\": \"a\", \"arguments\": {\"x\": 1}}\n```", &[("a", "{\"x\":1}")]),
            ("{\"tool\": \"a\", \"input\": {\"x\": 1}}", &[("a", "{\"x\":1}")]),
            (
                "[{\"name\": \"a\"}, {\"function\": {\"name\": \"b\", \"arguments\": {}}}]",
                &[("a", ""), ("b", "{}")],
            ),
            ("<think>\n<tool_call>{\"name\": \"finish\"}</tool_call>\n</think>\nI wait.", &[]),
            ("Action: a\nObservation: 7\nAction: b", &[("a", "")]),
            ("I am done.", &[]),
            ("```json\n{\"weight\": 3}\n```", &[]),
        ];
        for (answer, expected) in cases {
            let read: Vec<(String, String)> =
                calls(answer).into_iter().map(|call| (call.name, call.arguments)).collect();
            let read: Vec<(&str, &str)> =
                read.iter().map(|(name, arguments)| (name.as_str(), arguments.as_str())).collect();
            assert_eq!(read, expected, "{answer}");
        }
    }

    #[test]
    fn calls_are_read_as_they_are_written() {
        let call = |name: &str, arguments: &str| ToolCall {
            name: name.into(),
            arguments: arguments.into(),
            ..ToolCall::default()
        };
        let made = [call("submit", r#"{"params":"{\"a\":1}"}"#), call("finish", "{}")];
        let answer: Vec<String> = made.iter().map(written).collect();
        assert_eq!(calls(&format!("I submit.\n\n{}", answer.join("\n"))), made);
    }
}
