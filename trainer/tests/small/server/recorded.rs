//! Recorded exchanges with vLLM, to compare answers with.

use std::path::Path;

use serde_json::{Value, json};

/// A recorded exchange with vLLM.
pub fn recorded(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/vllm/{name}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Keys of vLLM's answers for features that do not exist here.
const THEIRS_ALONE: [&str; 11] = [
    "annotations",
    "audio",
    "function_call",
    "routed_experts",
    "completion_tokens_details",
    "prompt_tokens_details",
    "prompt_text",
    "kv_transfer_params",
    "ec_transfer_params",
    "metrics",
    "finish_reason", // in vLLM's last piece of text; here it is in a chunk of its own
];

/// Fails unless our answer has every key of vLLM's, with a value of the same type unless vLLM's is null.
#[track_caller]
pub fn assert_shape(place: &str, ours: &Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, theirs) in theirs.iter().filter(|(key, _)| !THEIRS_ALONE.contains(&key.as_str())) {
                let ours = ours.get(key).unwrap_or_else(|| panic!("{place}.{key} is missing"));
                assert_shape(&format!("{place}.{key}"), ours, theirs);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.is_empty(), theirs.is_empty(), "{place}");
            if let (Some(ours), Some(theirs)) = (ours.first(), theirs.first()) {
                assert_shape(place, ours, theirs);
            }
        }
        (_, Value::Null) => {}
        _ => assert_eq!(
            std::mem::discriminant(ours),
            std::mem::discriminant(theirs),
            "{place}: {ours}, {theirs}"
        ),
    }
}

/// The request of an exchange, addressed to the small model.
pub fn body(exchange: &Value) -> Value {
    let mut body = exchange["request"]["body"].clone();
    if body["model"] == "tiny" {
        body["model"] = json!("model");
    }
    body
}

pub fn events(body: &str) -> Vec<Value> {
    let data: Vec<&str> = body.split("\n\n").filter_map(|part| part.strip_prefix("data: ")).collect();
    assert_eq!(data.last(), Some(&"[DONE]"), "{body}");
    data[..data.len() - 1].iter().map(|data| serde_json::from_str(data).unwrap()).collect()
}
