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

    pub fn error(&self, key: &str, problem: impl Into<String>) -> Error {
        Error::key(&self.path, key, problem)
    }
}

/// Writes indented JSON, with a newline at the end.
pub fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let text =
        serde_json::to_string_pretty(value).map_err(|reason| Error::Json { path: path.into(), reason })?;
    std::fs::write(path, text + "\n").map_err(Error::file(path))
}
