//! The sizes of a model, and counts of its weights.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Sizes of a Qwen3 model.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Sizes {
    /// Number of tokens.
    pub vocab_size: u64,
    /// Width of the residual stream.
    pub hidden_size: u64,
    /// Number of decoder layers.
    pub layers: u64,
    /// Number of query heads.
    pub heads: u64,
    /// Number of key and value heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Width of the feed-forward part.
    pub intermediate_size: u64,
    /// Whether the output head is separate from the embeddings.
    pub untied: bool,
}

fields::object! {
    Sizes {
        vocab_size: required,
        hidden_size: required,
        layers: required,
        heads: required,
        kv_heads: required,
        head_dim: required,
        intermediate_size: required,
        untied: or_default,
    }
}

impl Sizes {
    /// Reads the sizes of the model in a folder, from its `config.json`.
    ///
    /// # Errors
    /// If it is not the config of a Qwen3 model; the message names the file.
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

    /// Number of weights in the layers' matrices.
    pub fn linear_parameters(&self) -> u64 {
        self.layers * self.matrices().iter().map(|(rows, columns)| rows * columns).sum::<u64>()
    }

    /// Number of all other weights: embeddings, head, norms.
    pub fn other_parameters(&self) -> u64 {
        let embeddings = self.vocab_size * self.hidden_size * if self.untied { 2 } else { 1 };
        let norms = self.layers * (2 * self.hidden_size + 2 * self.head_dim) + self.hidden_size;
        embeddings + norms
    }

    /// Number of all weights.
    pub fn parameters(&self) -> u64 {
        self.linear_parameters() + self.other_parameters()
    }

    /// Number of weights of an adapter of this rank on every matrix of every layer.
    pub fn adapter_parameters(&self, rank: u64) -> u64 {
        self.layers * self.matrices().iter().map(|(rows, columns)| rank * (rows + columns)).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::Sizes;

    /// The numbers of weights that Hugging Face gives for Qwen3-8B and Qwen3-0.6B.
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
