//! Objects whose keys are data.

use indexmap::IndexMap;
use serde_json::Value;

use crate::{FromJson, Place};

/// An object whose keys are data, in the document's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Entries<T>(pub Vec<(String, T)>);

impl<T: FromJson> FromJson for Entries<T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let Value::Object(map) = value else { return place.expected("an object", value) };
        let read: Vec<Option<(String, T)>> = map
            .iter()
            .map(|(key, value)| T::from_json(value, &place.key(key)).map(|value| (key.clone(), value)))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(Self)
    }
}

/// An object whose keys are data, in the document's order.
impl<T: FromJson> FromJson for IndexMap<String, T> {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        Entries::from_json(value, place).map(|entries| entries.0.into_iter().collect())
    }
}
