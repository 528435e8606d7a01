//! Values of single keys of a `config.json`.

use fields::{FromJson, Place};
use serde_json::{Map, Value};

/// The value of a key, unless it is missing or null.
pub fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).filter(|value| !value.is_null())
}

/// The value of a key, or `default` if it is missing or null.
pub fn optional<T: FromJson>(map: &Map<String, Value>, root: &Place<'_>, key: &str, default: T) -> Option<T> {
    get(map, key).map_or(Some(default), |value| T::from_json(value, &root.key(key)))
}

/// A size, at least 1; `default` if it is missing or null.
pub fn size(map: &Map<String, Value>, root: &Place<'_>, key: &str, default: Option<i64>) -> Option<i64> {
    let place = root.key(key);
    match (get(map, key), default) {
        (None, Some(default)) => Some(default),
        (None, None) => place.fail("is missing"),
        (Some(value), _) => i64::from_json(value, &place).and_then(|size| match size {
            1.. => Some(size),
            _ => place.fail(format!("must be at least 1, is {size}")),
        }),
    }
}
