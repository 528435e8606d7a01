//! JSON objects, built in place.

use serde_json::{Map, Value};

/// A JSON object with these entries.
pub fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
