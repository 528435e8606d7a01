//! The data and the settings of a training.

use fields::{Fields, FromJson, Place};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::settings::Settings;

/// A training: its data, and keys of its config.
#[derive(Clone, Debug, Serialize)]
pub struct Training {
    /// How many documents of each of the traces and drills are taken, the first ones.
    pub data: IndexMap<String, u64>,
    /// Axolotl's keys.
    #[serde(flatten)]
    pub settings: Settings,
}

impl FromJson for Training {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let data = fields.required("data");
        Some(Self { data: data?, settings: fields.rest() })
    }
}
