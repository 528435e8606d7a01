//! What a model is told before its first turn and with each turn.

use fields::{FromJson, Place};
use proto::conversation::ObservationFormat;
use serde::Serialize;
use serde_json::Value;

/// What a model is told about its runtime. The defaults are the paper's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prompt {
    /// What the system prompts say about the interpreter state.
    pub runtime: RuntimePrompt,
    /// How much the system prompt and the task say.
    pub detail: PromptDetail,
    /// How an observation is written.
    pub observation: ObservationFormat,
    /// Whether the names in a persistent interpreter are left out of each turn.
    pub hide_names: bool,
    /// Whether standard error is left out of observations.
    pub hide_error_output: bool,
}

/// What the system prompts say about the interpreter state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimePrompt {
    /// The state in force.
    #[default]
    Stated,
    /// Nothing.
    Hidden,
    /// The opposite of the state in force.
    Misstated,
}

/// How much a model is told before its first turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptDetail {
    /// How to act, every function with its description, the whole goal.
    #[default]
    Full,
    /// The functions' names and parameters, and the task's public data without the goal: for models that
    /// learn the rest from traces.
    Brief,
}

/// Reads the type of another crate.
#[derive(Default)]
struct Format(ObservationFormat);

impl FromJson for Format {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match value.as_str() {
            Some("full") => Some(Self(ObservationFormat::Full)),
            Some("compact") => Some(Self(ObservationFormat::Compact)),
            _ => place.expected("one of full, compact", value),
        }
    }
}

impl FromJson for Prompt {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = fields::Fields::new(value, place)?;
        let runtime = fields.or_default("runtime");
        let detail = fields.or_default("detail");
        let observation: Option<Format> = fields.or_default("observation");
        let hide_names = fields.or_default("hide_names");
        let hide_error_output = fields.or_default("hide_error_output");
        fields.refuse_unknown();
        Some(Self {
            runtime: runtime?,
            detail: detail?,
            observation: observation?.0,
            hide_names: hide_names?,
            hide_error_output: hide_error_output?,
        })
    }
}

fields::words! { RuntimePrompt { "stated" => Stated, "hidden" => Hidden, "misstated" => Misstated } }
fields::words! { PromptDetail { "full" => Full, "brief" => Brief } }
