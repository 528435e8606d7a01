//! An experiment file as one value: what it extends, with its own keys laid over.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value};

/// Names the file that a file extends, relative to itself.
const EXTENDS: &str = "extends";

/// Reads a file and, first, what it extends.
pub fn read(path: &Path) -> Result<Value> {
    read_over(path, &mut Vec::new())
}

/// `below` are the files that led here.
fn read_over(path: &Path, below: &mut Vec<PathBuf>) -> Result<Value> {
    let place = path.canonicalize().with_context(|| format!("reading {}", path.display()))?;
    ensure!(!below.contains(&place), "{}: `{EXTENDS}` comes back to this file", path.display());
    below.push(place);
    let text = files::read_text(path)?;
    let value: Value = serde_saphyr::from_str(&text).map_err(|error| {
        anyhow::anyhow!("{}: {}", path.display(), error.to_string().trim_start_matches("error: "))
    })?;
    let Value::Object(mut own) = value else {
        bail!("{}: must be a map of keys, such as `title: My study`", path.display())
    };
    let mut whole = match own.shift_remove(EXTENDS) {
        None => Value::Object(Map::new()),
        Some(Value::String(name)) => read_over(&path.with_file_name("").join(name), below)?,
        Some(_) => bail!("{}: `{EXTENDS}` must be the path of a file", path.display()),
    };
    merge(&mut whole, Value::Object(own));
    Ok(whole)
}

/// Lays a value over another: maps are merged key by key, a null removes its key, anything else replaces.
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

/// The same for maps.
pub fn merged(base: &Map<String, Value>, over: &Map<String, Value>) -> Map<String, Value> {
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
