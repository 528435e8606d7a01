//! What training starts from: random weights, or a model's folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Settings, by_path};

/// Either.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Model {
    /// Made by `trainer init`.
    Fresh(Fresh),
    /// There already.
    Folder(Folder),
}

/// A model with random weights and a tokenizer of its own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    /// Traces and drills that the tokenizer is made of.
    pub corpus: Vec<String>,
    /// Regexes that split texts before bytes are paired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<String>,
    /// How large; `vocab_size` is the most.
    pub sizes: Sizes,
    /// Most tokens of a conversation.
    pub context_length: u64,
    /// Base of the rotary frequencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// Standard deviation of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_std: Option<f64>,
}

/// A Hugging Face folder.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// Where.
    pub path: PathBuf,
    /// What it should be; lets `--dry-run` say what it would take while it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Sizes>,
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Settings::deserialize(deserializer)?;
        let there = keys.contains_key("path");
        let keys = Value::Object(keys);
        match there {
            true => by_path(keys).map(Self::Folder),
            false => by_path(keys).map(Self::Fresh),
        }
    }
}

/// Sizes of a Qwen3 model.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Tokens.
    pub vocab_size: u64,
    /// Width of the residual stream.
    pub hidden_size: u64,
    /// Decoder layers.
    pub layers: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Width of the feed-forward part.
    pub intermediate_size: u64,
    /// Whether the head is a matrix of its own.
    #[serde(default)]
    pub untied: bool,
}

impl Sizes {
    /// Those of a model's folder, of its `config.json`.
    ///
    /// # Errors
    /// Naming the file, if it is no Qwen3's.
    pub fn read(folder: &Path) -> Result<Self> {
        /// The keys that Hugging Face writes.
        #[derive(Deserialize)]
        struct Config {
            vocab_size: u64,
            hidden_size: u64,
            num_hidden_layers: u64,
            num_attention_heads: u64,
            num_key_value_heads: u64,
            head_dim: u64,
            intermediate_size: u64,
            #[serde(default)]
            tie_word_embeddings: bool,
        }
        let config: Config = files::read_json(&folder.join("config.json"))
            .with_context(|| format!("{} is not the folder of a Qwen3 model", folder.display()))?;
        Ok(Self {
            vocab_size: config.vocab_size,
            hidden_size: config.hidden_size,
            layers: config.num_hidden_layers,
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            head_dim: config.head_dim,
            intermediate_size: config.intermediate_size,
            untied: !config.tie_word_embeddings,
        })
    }

    /// The matrices of one layer, as (rows, columns).
    pub fn matrices(&self) -> [(u64, u64); 7] {
        let (queries, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let (hidden, inner) = (self.hidden_size, self.intermediate_size);
        [
            (queries, hidden),
            (keys, hidden),
            (keys, hidden),
            (hidden, queries),
            (inner, hidden),
            (inner, hidden),
            (hidden, inner),
        ]
    }

    /// Weights in the layers' matrices.
    pub fn linear_parameters(&self) -> u64 {
        self.layers * self.matrices().iter().map(|(rows, columns)| rows * columns).sum::<u64>()
    }

    /// All other weights: embeddings, head, norms.
    pub fn other_parameters(&self) -> u64 {
        let embeddings = self.vocab_size * self.hidden_size * if self.untied { 2 } else { 1 };
        let norms = self.layers * (2 * self.hidden_size + 2 * self.head_dim) + self.hidden_size;
        embeddings + norms
    }

    /// All weights.
    pub fn parameters(&self) -> u64 {
        self.linear_parameters() + self.other_parameters()
    }

    /// Weights of an adapter of this rank on every matrix of every layer.
    pub fn adapter_parameters(&self, rank: u64) -> u64 {
        self.layers * self.matrices().iter().map(|(rows, columns)| rank * (rows + columns)).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::Sizes;

    /// The counts that Hugging Face gives for Qwen3-8B and Qwen3-0.6B.
    #[test]
    fn weights_are_counted_as_published() {
        let large = Sizes {
            vocab_size: 151_936,
            hidden_size: 4096,
            layers: 36,
            heads: 32,
            kv_heads: 8,
            head_dim: 128,
            intermediate_size: 12_288,
            untied: true,
        };
        assert_eq!(large.parameters(), 8_190_735_360);
        let small = Sizes {
            hidden_size: 1024,
            layers: 28,
            heads: 16,
            intermediate_size: 3072,
            untied: false,
            ..large
        };
        assert_eq!(small.parameters(), 596_049_920);
    }
}
