//! A model's calls as calls of the environment, and the environment's answers as texts.

use serde_json::{Map, Value};

use super::ToolCall;
use crate::env::v1::{self, Observation};
use crate::trace::ToolOutput;

/// The answer where Python's is `None`.
const NONE: &str = "None";

/// The arguments of a call: a JSON object. No text at all is no argument, and a JSON string that holds an object is that
/// object: some models write both.
///
/// # Errors
/// What is wrong with them, in words for the model.
pub fn arguments(text: &str) -> Result<Map<String, Value>, String> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(Value::String(inner)) if inner.trim_start().starts_with('{') => arguments(&inner),
        Ok(other) => Err(format!(
            "the arguments must be a JSON object with the parameters' names as keys, not {other}"
        )),
        Err(error) => Err(format!("the arguments are not JSON ({error}): {text}")),
    }
}

/// A turn's calls: those that can be sent, and for each call that can't why.
#[derive(Debug)]
pub struct Prepared {
    calls: Vec<(String, Result<v1::ToolCall, String>)>,
}

impl Prepared {
    /// Reads the arguments of all calls.
    pub fn new(calls: &[ToolCall]) -> Self {
        let prepared = |call: &ToolCall| {
            let sent = match call.name.as_str() {
                "" => Err("the call names no tool; write {\"name\": .., \"arguments\": {..}}".to_owned()),
                name => arguments(&call.arguments).map(|arguments| v1::ToolCall {
                    name: name.to_owned(),
                    arguments_json: Value::Object(arguments).to_string(),
                }),
            };
            (call.name.clone(), sent.map_err(|problem| format!("Error: {problem}; nothing was done.")))
        };
        Self { calls: calls.iter().map(prepared).collect() }
    }

    /// The calls to send; `None` if there is none.
    pub fn action(&self) -> Option<v1::ToolCallsAction> {
        let calls: Vec<_> = self.calls.iter().filter_map(|(_, call)| call.clone().ok()).collect();
        (!calls.is_empty()).then_some(v1::ToolCallsAction { calls })
    }

    /// What the model is shown of each call; `observation` is the environment's, if calls were sent.
    pub fn outputs(self, observation: Option<&Observation>) -> Vec<ToolOutput> {
        let mut answers = observation.into_iter().flat_map(|observation| &observation.tool_results);
        let ended = observation.map_or("", |observation| observation.error.as_str());
        let output = |(tool, call): (String, Result<v1::ToolCall, String>)| {
            let output = match call {
                Err(problem) => problem,
                Ok(_) => answers.next().map_or_else(|| format!("Error: {ended}"), answer),
            };
            ToolOutput { tool, output }
        };
        self.calls.into_iter().map(output).collect()
    }
}

/// An answer as text: a string as it is, anything else as JSON.
fn answer(record: &v1::ToolCallRecord) -> String {
    if !record.error.is_empty() {
        return format!("Error: {}", record.error);
    }
    match serde_json::from_str(&record.result_json) {
        Ok(Value::String(text)) => text,
        Ok(Value::Null) | Err(_) if record.result_json.is_empty() || record.result_json == "null" => {
            NONE.to_owned()
        }
        _ => record.result_json.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, arguments: &str) -> ToolCall {
        ToolCall { id: "1".into(), name: name.into(), arguments: arguments.into() }
    }

    #[test]
    fn arguments_are_an_object() {
        for (text, expected) in [
            ("{\"a\": 1}", "{\"a\":1}"),
            ("", "{}"),
            (" ", "{}"),
            ("null", "{}"),
            (r#""{\"a\":1}""#, "{\"a\":1}"),
        ] {
            assert_eq!(Value::Object(arguments(text).unwrap()).to_string(), expected, "{text}");
        }
        for text in ["true", "[1]", "{\"a\":", "\"a\"", "x"] {
            assert!(arguments(text).unwrap_err().contains("arguments"), "{text}");
        }
    }

    #[test]
    fn each_call_gets_its_answer() {
        let prepared = Prepared::new(&[
            call("inspect", "{\"item_id\": \"a\"}"),
            call("inspect", "{"),
            call("", "{}"),
            call("take", "{\"item_id\": \"b\"}"),
            call("take", "{\"item_id\": \"c\"}"),
            call("take", "{\"item_id\": \"d\"}"),
        ]);
        let sent = prepared.action().unwrap().calls;
        let names: Vec<&str> = sent.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["inspect", "take", "take", "take"]);
        assert_eq!(sent[0].arguments_json, "{\"item_id\":\"a\"}");
        let record = |result: &str, error: &str| v1::ToolCallRecord {
            result_json: result.into(),
            error: error.into(),
            ..Default::default()
        };
        let observation = Observation {
            error: "Tool call limit exceeded".into(),
            tool_results: vec![record("\"{}\"", ""), record("null", ""), record("", "unknown item")],
            ..Default::default()
        };
        let outputs = prepared.outputs(Some(&observation));
        let outputs: Vec<&str> = outputs.iter().map(|output| output.output.as_str()).collect();
        assert_eq!((outputs[0], outputs[3], outputs[4]), ("{}", "None", "Error: unknown item"));
        assert!(outputs[1].starts_with("Error: the arguments are not JSON"), "{outputs:?}");
        assert!(outputs[2].contains("names no tool"), "{outputs:?}");
        assert_eq!(outputs[5], "Error: Tool call limit exceeded");

        let nothing = Prepared::new(&[call("take", "[")]);
        assert!(nothing.action().is_none());
        assert_eq!(nothing.outputs(None).len(), 1);
    }
}
