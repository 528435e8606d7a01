//! How rotary frequencies are changed for contexts that are longer than those of pre-training: `rope_scaling` of
//! transformers 4, which is a part of `rope_parameters` in transformers 5. What is read is in `rope_scaling/read`.

mod read;

use serde_json::{Value, json};

pub use read::{KEYS, rope};

/// A change of the rotary frequencies, by its `rope_type`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// `llama3`.
    Llama3(Llama3),
    /// `yarn`.
    Yarn(Yarn),
}

/// Llama 3.1's: low frequencies are divided by a factor, high ones are kept. A frequency is low or high by how often
/// its angle turns round within the original context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Llama3 {
    /// The factor, at least 1.
    pub factor: f64,
    /// Frequencies with fewer turns are divided.
    pub low_freq_factor: f64,
    /// Frequencies with more turns are kept; those between are mixed.
    pub high_freq_factor: f64,
    /// The original context, in tokens.
    pub original_max_position_embeddings: i64,
}

/// YaRN (<https://arxiv.org/abs/2309.00071>): as [`Llama3`], with another mixture, and cosines and sines are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// By what low frequencies are divided, at least 1.
    pub factor: f64,
    /// The original context, in tokens.
    pub original_max_position_embeddings: i64,
    /// The factor of cosines and sines.
    pub attention_factor: f64,
    /// Frequencies with more turns within the original context are kept.
    pub beta_fast: f64,
    /// Frequencies with fewer turns are divided; those between are mixed.
    pub beta_slow: f64,
    /// Whether the bounds of the mixture are rounded to whole dimensions, outwards.
    pub truncate: bool,
}

impl RopeScaling {
    /// The context that it was made for, in tokens, if it tells: with YaRN, the factor times the original one, as in
    /// vLLM.
    pub(super) fn context_length(&self) -> Option<usize> {
        match self {
            Self::Llama3(_) => None,
            Self::Yarn(yarn) => Some((yarn.factor * yarn.original_max_position_embeddings as f64) as usize),
        }
    }

    /// The value of `rope_scaling`.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Llama3(it) => json!({
                "rope_type": "llama3",
                "factor": it.factor,
                "low_freq_factor": it.low_freq_factor,
                "high_freq_factor": it.high_freq_factor,
                "original_max_position_embeddings": it.original_max_position_embeddings,
            }),
            Self::Yarn(it) => json!({
                "rope_type": "yarn",
                "factor": it.factor,
                "original_max_position_embeddings": it.original_max_position_embeddings,
                "attention_factor": it.attention_factor,
                "beta_fast": it.beta_fast,
                "beta_slow": it.beta_slow,
                "truncate": it.truncate,
            }),
        }
    }
}
