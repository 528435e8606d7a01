//! Calls of tools and their answers.

use std::collections::HashMap;

use proto::tool_call;
use proto::trace::Step;
use serde::Serialize;
use serde_json::Value;

/// A call of a tool and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Arguments as in Python, separated by commas; as they were written if they are malformed.
    pub arguments: String,
    /// The answer, or why there is none.
    pub answer: String,
    /// Whether it failed.
    pub failed: bool,
}

/// A turn's calls: those that the model wrote (ReAct), or those that its code made.
pub fn of(step: &Step) -> Vec<Call> {
    match (&step.results, &step.info) {
        (Some(results), _) if !step.calls.is_empty() => (step.calls.iter().zip(results))
            .map(|(call, result)| Call {
                name: call.name.clone(),
                arguments: match tool_call::arguments(&call.arguments) {
                    Ok(arguments) => written(&Value::Object(arguments)),
                    Err(_) => call.arguments.clone(),
                },
                answer: result.output.clone(),
                failed: result.output.starts_with("Error: "),
            })
            .collect(),
        (Some(results), _) => (results.iter())
            .map(|result| Call {
                name: result.tool.clone(),
                arguments: String::new(),
                answer: result.output.clone(),
                failed: false,
            })
            .collect(),
        (None, Some(info)) => (info.tool_calls.iter())
            .map(|call| Call {
                name: call.name.clone(),
                arguments: written(&call.arguments),
                answer: match (&call.error, &call.result) {
                    (Some(error), _) => error.clone(),
                    (None, Value::String(text)) => text.clone(),
                    (None, other) => python(other),
                },
                failed: call.error.is_some(),
            })
            .collect(),
        (None, None) => Vec::new(),
    }
}

/// How often each tool is called, in the order of the first calls.
pub fn counts(calls: &[Call]) -> Vec<(String, usize)> {
    let mut places = HashMap::new();
    let mut counts: Vec<(String, usize)> = Vec::new();
    for call in calls {
        let place = *places.entry(call.name.as_str()).or_insert(counts.len());
        match counts.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => counts.push((call.name.clone(), 1)),
        }
    }
    counts
}

/// Arguments, positional or by keyword.
fn written(arguments: &Value) -> String {
    let texts: Vec<String> = match arguments {
        Value::Array(values) => values.iter().map(python).collect(),
        Value::Object(values) => {
            values.iter().map(|(key, value)| format!("{key}={}", python(value))).collect()
        }
        Value::Null => Vec::new(),
        other => vec![python(other)],
    };
    texts.join(", ")
}

/// A value as Python writes it, as far as JSON differs at the top.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proto::tool_call::ToolCall as Written;
    use proto::trace::{StepInfo, ToolCall, ToolOutput};
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_of_code_have_arguments_and_answers() {
        let call = |arguments, result, error: Option<&str>| ToolCall {
            name: "look".into(),
            arguments,
            result,
            error: error.map(str::to_owned),
        };
        let info = StepInfo {
            tool_calls: vec![
                call(json!(["a", 1]), json!("{\"b\":2}"), None),
                call(json!({"item": null}), Value::Null, None),
                call(json!([]), Value::Null, Some("unknown item")),
            ],
            ..StepInfo::default()
        };
        let calls = of(&Step { info: Some(info), ..Step::default() });
        let shown: Vec<(&str, &str, bool)> =
            calls.iter().map(|call| (call.arguments.as_str(), call.answer.as_str(), call.failed)).collect();
        assert_eq!(
            shown,
            [("\"a\", 1", "{\"b\":2}", false), ("item=None", "None", false), ("", "unknown item", true)]
        );
        assert_eq!(counts(&calls), [("look".to_owned(), 3)]);
    }

    #[test]
    fn calls_that_a_model_wrote_stand_beside_their_answers() {
        let call = |arguments: &str| Written {
            name: "look".into(),
            arguments: arguments.into(),
            ..Written::default()
        };
        let output = |output: &str| ToolOutput { tool: "look".into(), output: output.into() };
        let step = Step {
            calls: vec![call("{\"a\": true}"), call("{\"a\":")],
            results: Some(vec![output("yes"), output("Error: the arguments are not JSON")]),
            ..Step::default()
        };
        let calls = of(&step);
        assert_eq!((calls[0].arguments.as_str(), calls[0].failed), ("a=True", false));
        assert_eq!((calls[1].arguments.as_str(), calls[1].failed), ("{\"a\":", true));
    }
}
