//! Every recorded sequence of blocks has the recorded outcomes, in both regimes.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::common::{config, interpreter};
use sandbox::{Config, InterpreterState, Tool, ToolCall, ToolError, ToolErrorKind, ToolHost};
use serde_json::{Map, Value, json};

/// The knapsack of the recorded task, with the functions that the blocks use.
struct Knapsack {
    task: Value,
    weight: i64,
    taken: Vec<String>,
}

impl Knapsack {
    fn new() -> Knapsack {
        Knapsack { task: fixture("task.json"), weight: 0, taken: Vec::new() }
    }

    fn tools() -> Vec<Tool> {
        let tool = |name: &str, parameters: &[&str]| Tool {
            name: name.into(),
            parameters: parameters.iter().map(|p| (*p).into()).collect(),
            doc: String::new(),
        };
        vec![
            tool("list_items", &[]),
            tool("inspect", &["item_id: str"]),
            tool("take_item", &["item_id: str"]),
        ]
    }

    /// The only argument of a call, checked like in the recorded system.
    fn item_id(call: &ToolCall) -> Result<String, ToolError> {
        let wrong = |what: String| {
            let message = format!("ToolInvocationException:\n{what}");
            ToolError { kind: ToolErrorKind::Invocation, message }
        };
        let named = call.kwargs.iter().find(|(name, _)| name == "item_id").map(|(_, argument)| argument);
        if let Some((name, _)) = call.kwargs.iter().find(|(name, _)| name != "item_id") {
            return Err(wrong(format!("got an unexpected keyword argument '{name}'")));
        }
        let Some(argument) = call.args.first().or(named) else {
            return Err(wrong("Missing required argument item_id".into()));
        };
        match &argument.value {
            Some(Value::String(id)) => Ok(id.clone()),
            _ => Err(wrong(format!(
                "Argument item_id should be of type str. Got {} instead.",
                argument.python_type
            ))),
        }
    }

    fn take(&mut self, id: String, item: &Value) -> Result<Value, String> {
        let public = &self.task["public"];
        let (capacity, class) = (public["capacity"].as_i64().unwrap(), &item["class"]);
        let weight = item["weight"].as_i64().unwrap();
        if !public["allowed_classes"].as_array().unwrap().contains(class) {
            Err(format!("Item class '{}' not allowed.", class.as_str().unwrap()))
        } else if self.weight + weight > capacity {
            Err(format!("Capacity exceeded: current={}, item={weight}, capacity={capacity}", self.weight))
        } else {
            self.weight += weight;
            self.taken.push(id);
            Ok(Value::Null)
        }
    }
}

impl ToolHost for Knapsack {
    fn call(&mut self, call: &ToolCall) -> Result<Value, ToolError> {
        if call.name == "list_items" {
            let ids: Vec<_> = self.task["private"]["items"].as_object().unwrap().keys().collect();
            return Ok(json!(json!(ids).to_string()));
        }
        let id = Knapsack::item_id(call)?;
        let item = self.task["private"]["items"].get(&id).cloned();
        let answer = match item {
            None => Err(format!("Unknown item_id: {id}")),
            Some(item) if call.name == "inspect" => Ok(json!(item.to_string())),
            Some(item) => self.take(id, &item),
        };
        answer.map_err(|message| ToolError {
            kind: ToolErrorKind::Runtime,
            message: format!("ToolRuntimeException: {message}"),
        })
    }
}

fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/interpreter").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn check(state: InterpreterState, regime: &str) {
    let sequences: Map<String, Value> = fixture("blocks.json").as_object().unwrap().clone();
    assert!(sequences.len() >= 29, "the recording is complete");
    for (name, sequence) in sequences {
        let config = Config { tools: Knapsack::tools(), ..config(state) };
        let mut interpreter = interpreter(config, Arc::new(Mutex::new(Knapsack::new())));
        let blocks = sequence["blocks"].as_array().unwrap();
        for (block, expected) in blocks.iter().zip(sequence[regime].as_array().unwrap()) {
            let outcome = interpreter.run(block.as_str().unwrap()).unwrap();
            let got = json!({
                "error": outcome.error,
                "globals": outcome.globals,
                "output": outcome.output,
                "result": null,
                "success": outcome.success,
            });
            assert_eq!(&got, expected, "{name}, {regime}: {block}");
            assert_eq!(outcome.globals, interpreter.globals());
        }
    }
}

#[test]
fn persistent() {
    check(InterpreterState::Persistent, "persistent");
}

#[test]
fn reset() {
    check(InterpreterState::Reset, "stateless");
}
