//! What a training learns from, and its settings.

use fields::{Fields, FromJson, Place};
use indexmap::IndexMap;
use proto::interpreter_state::InterpreterState;
use serde::Serialize;
use serde_json::Value;

use super::settings::Settings;
use super::state;

/// A training: what it learns from, and keys of its config.
#[derive(Clone, Debug, Serialize)]
pub struct Training {
    /// How many documents of each of the traces and drills are taken, the first ones.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub data: IndexMap<String, u64>,
    /// Instead: the episodes that it plays itself, with `trainer grpo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episodes: Option<Episodes>,
    /// Axolotl's keys.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Episodes that a model plays and learns from.
#[derive(Clone, Debug, Serialize)]
pub struct Episodes {
    /// Their task set.
    pub tasks: String,
    /// The regime of their interpreter.
    pub state: InterpreterState,
    /// Keys of an agent, merged over the experiment's `agent`.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub agent: Settings,
}

fields::object! { Episodes { tasks: required, state: required_as(state::read), agent: or_default } }

impl FromJson for Training {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let (data, episodes) = (fields.or_default("data"), fields.or_default("episodes"));
        Some(Self { data: data?, episodes: episodes?, settings: fields.rest() })
    }
}
