//! The environment's functions as a model's server takes them: OpenAI's function objects, with parameters as JSON Schema.

use proto::env::v1::{Tool, ToolParameter};
use serde_json::{Map, Value, json};

/// A tool in OpenAI's form.
pub fn function(tool: &Tool) -> Value {
    let kind = |parameter: &ToolParameter| match parameter.r#type.as_str() {
        "int" => "integer",
        "float" => "number",
        "bool" => "boolean",
        "list" => "array",
        "dict" => "object",
        _ => "string",
    };
    let properties: Map<String, Value> = (tool.parameters.iter())
        .map(|parameter| (parameter.name.clone(), json!({ "type": kind(parameter) })))
        .collect();
    let required: Vec<&str> = tool.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    json!({
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description.trim(),
            "parameters": { "type": "object", "properties": properties, "required": required },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_a_function_with_a_schema() {
        let parameter = |name: &str, kind: &str| ToolParameter { name: name.into(), r#type: kind.into() };
        let tool = Tool {
            name: "move".into(),
            description: " Moves. ".into(),
            parameters: vec![parameter("to", "str"), parameter("steps", "int")],
            returns: "str".into(),
        };
        assert_eq!(
            function(&tool),
            json!({"type": "function", "function": {
                "name": "move",
                "description": "Moves.",
                "parameters": {
                    "type": "object",
                    "properties": {"to": {"type": "string"}, "steps": {"type": "integer"}},
                    "required": ["to", "steps"],
                },
            }})
        );
    }
}
