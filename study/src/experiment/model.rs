//! What training starts from: random weights, or a model's folder.

use std::path::PathBuf;

use fields::{FromJson, Place};
use serde::Serialize;
use serde_json::Value;

use super::sizes::Sizes;

/// What training starts from.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Model {
    /// Made by `trainer init`.
    Fresh(Fresh),
    /// A model that exists.
    Folder(Folder),
}

/// A model with random weights and its own tokenizer.
#[derive(Clone, Debug, Serialize)]
pub struct Fresh {
    /// Names of the traces and drills that the tokenizer is trained on.
    pub corpus: Vec<String>,
    /// Regexes that split texts before bytes are paired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<String>,
    /// The model's sizes; `vocab_size` is an upper bound.
    pub sizes: Sizes,
    /// Most tokens of a conversation.
    pub context_length: u64,
    /// Base of the rotary frequencies; none: the default of `trainer init`, 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// Standard deviation of the weights; none: the default of `trainer init`, 0.02.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_std: Option<f64>,
}

fields::object! {
    Fresh {
        corpus: required,
        split: or_default,
        sizes: required,
        context_length: required,
        rope_theta: or_default,
        init_std: or_default,
    }
}

/// A model in a Hugging Face folder.
#[derive(Clone, Debug, Serialize)]
pub struct Folder {
    /// The folder.
    pub path: PathBuf,
    /// The model's sizes, for `--dry-run` while the folder is missing; otherwise they must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Sizes>,
}

fields::object! { Folder { path: required, sizes: or_default } }

impl FromJson for Model {
    /// A model with a `path` exists.
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match value.get("path") {
            Some(_) => Folder::from_json(value, place).map(Self::Folder),
            None => Fresh::from_json(value, place).map(Self::Fresh),
        }
    }
}
