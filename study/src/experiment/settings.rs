//! Settings of other programs, which pass through unread, and how they are merged.

use serde_json::{Map, Value};

/// Settings of another program.
pub type Settings = Map<String, Value>;

/// A number among settings, or the default of the program that reads them.
pub fn number(settings: &Settings, key: &str, default: f64) -> f64 {
    settings.get(key).and_then(Value::as_f64).unwrap_or(default)
}

/// Merges `over` into `base`: maps are merged key by key, a null removes its key, anything else replaces.
pub fn merge(base: &mut Value, over: Value) {
    let Value::Object(over) = over else {
        *base = over;
        return;
    };
    if !base.is_object() {
        *base = Value::Object(Map::new());
    }
    let Value::Object(base) = base else { return };
    for (key, value) in over {
        if value.is_null() {
            base.shift_remove(&key);
        } else {
            merge(base.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// `base` with `over` merged into it, as [`merge`] does.
pub fn merged(base: &Settings, over: &Settings) -> Settings {
    let mut whole = Value::Object(base.clone());
    merge(&mut whole, Value::Object(over.clone()));
    match whole {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge;

    #[test]
    fn maps_merge_nulls_remove_and_all_else_replaces() {
        let mut base = json!({"a": {"b": 1, "c": [1, 2], "d": 4}, "e": 5});
        merge(&mut base, json!({"a": {"c": [3], "b": null, "new": {"x": null, "y": 1}}, "f": {"g": null}}));
        assert_eq!(base, json!({"a": {"c": [3], "d": 4, "new": {"y": 1}}, "e": 5, "f": {}}));
        let order: Vec<_> = base["a"].as_object().unwrap().keys().collect();
        assert_eq!(order, ["c", "d", "new"]);
    }
}
