//! Alphabetical keys, as in the files of the paper's own system.

use serde_json::{Map, Value};

/// The value with the keys of every object in it in alphabetical order.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted_map(map)),
        Value::Array(elements) => Value::Array(elements.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The same of an object.
pub(super) fn sorted_map(map: Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> =
        map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    entries.into_iter().collect()
}
