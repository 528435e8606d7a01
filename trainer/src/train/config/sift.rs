//! Takes out of a document what has no effect, and refuses what is not supported, before the config is read.

use fields::{Place, nearest};
use serde_json::{Map, Value};

use super::keys::{Effect, KEYS, OF_DATASETS, Row, effect, is_empty};

/// The key whose entries have keys of their own.
pub const DATASETS: &str = "datasets";

/// The document with the keys that are read, and the unknown ones. Records a problem at each key that is refused.
pub fn sift(document: Value, root: &Place<'_>) -> Value {
    let Value::Object(map) = document else { return document };
    let mut kept = sift_object(map, &KEYS, root);
    if let Some(Value::Array(entries)) = kept.get_mut(DATASETS) {
        for (number, entry) in entries.iter_mut().enumerate() {
            if let Value::Object(map) = entry {
                let place = root.key(DATASETS).index(number);
                *entry = Value::Object(sift_object(std::mem::take(map), &OF_DATASETS, &place));
            }
        }
    }
    Value::Object(kept)
}

fn sift_object(map: Map<String, Value>, rows: &[&[Row]], place: &Place<'_>) -> Map<String, Value> {
    let effects: Vec<Effect> = map.iter().map(|(key, value)| effect(rows, key, value, &map)).collect();
    let mut kept = Map::new();
    for ((key, value), effect) in map.into_iter().zip(effects) {
        match effect {
            Effect::Nothing(_) => {}
            Effect::Refused(why) => place.key(&key).require(false, || why.to_owned()),
            Effect::Read(_) => {
                kept.insert(key, without_empty(value));
            }
            Effect::Unknown => match (near(&key, rows, true), near(&key, rows, false)) {
                (None, Some(other)) => {
                    place.key(&key).require(false, || format!("unknown key; did you mean {other}?"));
                }
                // The reader says so, and suggests a key that is read.
                _ => {
                    kept.insert(key, value);
                }
            },
        }
    }
    kept
}

/// The key that a misspelt one may stand for, of all keys, or of those that are read.
fn near(key: &str, rows: &[&[Row]], read: bool) -> Option<&'static str> {
    let rows = rows.iter().copied().flatten().filter(|row| !read || row.is_read());
    nearest(key, rows.flat_map(|row| row.keys).copied())
}

/// Objects, also those in a list, without keys that have no value.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(without_empty).collect(),
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !is_empty(value));
            Value::Object(kept.map(|(key, value)| (key, without_empty(value))).collect::<Map<_, _>>())
        }
        value => value,
    }
}
