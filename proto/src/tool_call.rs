//! A call of a tool, as a model writes it. In files and requests it has OpenAI's form:
//! `{"id": .., "type": "function", "function": {"name": .., "arguments": ".."}}`.

mod prepared;

use serde::{Deserialize, Serialize};

pub use prepared::{Prepared, arguments};

/// A tool that a model called.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "OpenAiCall", into = "OpenAiCall")]
pub struct ToolCall {
    /// Chosen by the model's server; empty if the call was written as text.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON, as the model wrote it: it may be malformed.
    pub arguments: String,
}

#[derive(Deserialize, Serialize)]
struct OpenAiCall {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    id: String,
    #[serde(rename = "type", default = "function_type")]
    kind: String,
    function: OpenAiFunction,
}

#[derive(Deserialize, Serialize)]
struct OpenAiFunction {
    name: String,
    arguments: String,
}

fn function_type() -> String {
    "function".to_owned()
}

impl From<OpenAiCall> for ToolCall {
    fn from(call: OpenAiCall) -> Self {
        Self { id: call.id, name: call.function.name, arguments: call.function.arguments }
    }
}

impl From<ToolCall> for OpenAiCall {
    fn from(call: ToolCall) -> Self {
        let function = OpenAiFunction { name: call.name, arguments: call.arguments };
        Self { id: call.id, kind: function_type(), function }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_call_has_openais_form() {
        let call = ToolCall { id: "1".into(), name: "look".into(), arguments: "{\"a\":1}".into() };
        let value =
            json!({"id": "1", "type": "function", "function": {"name": "look", "arguments": "{\"a\":1}"}});
        assert_eq!(json!(call), value);
        assert_eq!(from_value::<ToolCall>(value).unwrap(), call);
        let written = json!({"type": "function", "function": {"name": "look", "arguments": ""}});
        assert_eq!(json!(ToolCall { name: "look".into(), ..ToolCall::default() }), written);
        assert_eq!(from_value::<ToolCall>(written).unwrap().id, "");
    }
}
