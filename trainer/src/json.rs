//! JSON objects in files, with errors that name the file and the key.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// A JSON object, and the file that it was read from.
pub struct Object {
    path: PathBuf,
    pub map: Map<String, Value>,
}

impl Object {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::file(path))?;
        let map =
            serde_json::from_slice(&text).map_err(|reason| Error::Json { path: path.into(), reason })?;
        Ok(Self { path: path.into(), map })
    }

    /// The value of a required key.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.optional(key)?.ok_or_else(|| self.error(key, "is missing"))
    }

    /// The value of a key; `None` if it is missing or null.
    pub fn optional<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                serde_json::from_value(value.clone()).map(Some).map_err(|e| self.error(key, e.to_string()))
            }
        }
    }

    /// Refuses the key unless it is missing, empty (null, false, zero, `{}`, `[]`, `""`) or `supported`.
    pub fn refuse_unless(&self, key: &str, supported: &[Value]) -> Result<()> {
        match self.map.get(key) {
            Some(value) if !is_empty(value) && !supported.contains(value) => {
                Err(self.error(key, format!("is not supported: {value}")))
            }
            _ => Ok(()),
        }
    }

    pub fn error(&self, key: &str, problem: impl Into<String>) -> Error {
        Error::key(&self.path, key, problem)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) => false,
    }
}

/// Writes indented JSON, with a newline at the end.
pub fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let text =
        serde_json::to_string_pretty(value).map_err(|reason| Error::Json { path: path.into(), reason })?;
    std::fs::write(path, text + "\n").map_err(Error::file(path))
}
