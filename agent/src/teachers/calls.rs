//! The calls of tools in a conversation, each with its answer: as tool messages, or as lines of text.

use proto::conversation::{Message, Role, ToolCall};
use proto::tool_call;
use serde_json::{Map, Value};

use acting::react::text;

/// What begins the line of an answer, before the tool's name in brackets.
const OBSERVATION: &str = "Observation: [";

/// A call and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The tool.
    pub tool: String,
    /// Its arguments; empty if they are malformed.
    pub arguments: Map<String, Value>,
    /// What it answered; `None` if the call failed, or was not made.
    pub answer: Option<String>,
}

impl Called {
    /// An argument that is a text.
    pub fn text(&self, parameter: &str) -> Option<&str> {
        self.arguments.get(parameter)?.as_str()
    }
}

/// All calls, in order.
pub fn read(messages: &[Message]) -> Vec<Called> {
    let mut all: Vec<(String, Called)> = Vec::new();
    let mut turn = 0;
    for message in messages {
        match message.role {
            Role::Assistant => {
                turn = all.len();
                let made = match message.tool_calls.as_slice() {
                    [] => text::calls(&message.content),
                    made => made.to_vec(),
                };
                all.extend(made.into_iter().map(|call| (call.id.clone(), unanswered(&call))));
            }
            Role::Tool => {
                let asked = all.iter_mut().skip(turn).find(|(id, _)| *id == message.tool_call_id);
                if let Some((_, called)) = asked {
                    called.answer = answer(&message.content);
                }
            }
            Role::User => {
                let written = all.iter_mut().skip(turn).zip(observations(&message.content));
                written.for_each(|((_, called), text)| called.answer = answer(&text));
            }
            Role::System => {}
        }
    }
    all.into_iter().map(|(_, called)| called).collect()
}

fn unanswered(call: &ToolCall) -> Called {
    let arguments = tool_call::arguments(&call.arguments).unwrap_or_default();
    Called { tool: call.name.clone(), arguments, answer: None }
}

fn answer(text: &str) -> Option<String> {
    (!text.starts_with("Error: ")).then(|| text.to_owned())
}

/// The answers in a user message. A line that begins no answer belongs to the one before.
fn observations(content: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in content.lines() {
        match line.strip_prefix(OBSERVATION).and_then(|rest| rest.split_once("] ")) {
            Some((_, text)) => found.push(text.to_owned()),
            None => found.last_mut().into_iter().for_each(|text| *text += &format!("\n{line}")),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proto::conversation::tool_outputs;
    use proto::trace::ToolOutput;

    use super::*;

    fn expected() -> Vec<Called> {
        let called = |tool: &str, arguments: Value, answer: Option<&str>| Called {
            tool: tool.into(),
            arguments: arguments.as_object().cloned().unwrap_or_default(),
            answer: answer.map(str::to_owned),
        };
        vec![
            called("scan", Value::Null, Some("node_b,node_c")),
            called("move", serde_json::json!({"node_id": "node_b"}), Some("None")),
            called("move", serde_json::json!({"node_id": "node_x"}), None),
            called("scan", Value::Null, None),
        ]
    }

    #[test]
    fn answers_are_read_from_tool_messages() {
        let call = |id: &str, name: &str, arguments: &str| ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        };
        let turns = [
            vec![call("call_1", "scan", "{}")],
            vec![
                call("call_2", "move", "{\"node_id\":\"node_b\"}"),
                call("call_3", "move", "{\"node_id\":\"node_x\"}"),
            ],
            vec![call("call_4", "scan", "{}")],
        ];
        let answers = [("call_1", "node_b,node_c"), ("call_3", "Error: no"), ("call_2", "None")];
        let mut messages = vec![Message::user("task")];
        for calls in turns {
            let answered: Vec<Message> = (answers.iter())
                .filter_map(|(id, text)| {
                    calls.iter().find(|call| call.id == *id).map(|call| Message::tool(call, *text))
                })
                .collect();
            messages.push(Message { tool_calls: calls, ..Message::assistant("I go on.") });
            messages.extend(answered);
        }
        assert_eq!(read(&messages), expected());
    }

    #[test]
    fn answers_are_read_from_lines() {
        let output = |tool: &str, output: &str| ToolOutput { tool: tool.into(), output: output.into() };
        let written = |name: &str, arguments: &str| {
            format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
        };
        let messages = [
            Message::user("task"),
            Message::assistant(written("scan", "{}")),
            Message::user(tool_outputs(&[output("scan", "node_b,node_c")])),
            Message::assistant(format!(
                "{}\n{}",
                written("move", "{\"node_id\": \"node_b\"}"),
                written("move", "{\"node_id\": \"node_x\"}")
            )),
            Message::user(tool_outputs(&[output("move", "None"), output("move", "Error: no\nmore")])),
            Message::assistant(written("scan", "{}")),
        ];
        assert_eq!(read(&messages), expected());
    }
}
