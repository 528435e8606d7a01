//! The sizes of a model, and counts of its weights.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Families of dense decoders that `trainer` computes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Llama and SmolLM2.
    Llama,
    /// Qwen2 and Qwen2.5: queries, keys and values have biases.
    Qwen2,
    /// Qwen3: queries and keys are normalised head by head.
    #[default]
    Qwen3,
}

fields::words! { Family { "llama" => Llama, "qwen2" => Qwen2, "qwen3" => Qwen3 } }

impl Family {
    /// The `model_type` in its `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Family and sizes of a model.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Sizes {
    /// The family.
    #[serde(skip_serializing_if = "Family::is_default")]
    pub model_type: Family,
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
        model_type: or_default,
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
    /// If it is not the config of a supported model; the message names the file.
    pub fn read(folder: &Path) -> Result<Self> {
        /// The keys that Hugging Face writes.
        #[derive(Deserialize)]
        struct Config {
            model_type: Family,
            vocab_size: u64,
            hidden_size: u64,
            num_hidden_layers: u64,
            num_attention_heads: u64,
            num_key_value_heads: Option<u64>,
            head_dim: Option<u64>,
            intermediate_size: u64,
            #[serde(default)]
            tie_word_embeddings: bool,
        }
        let config: Config = files::read_json(&folder.join("config.json"))
            .with_context(|| format!("{} is not the folder of a supported model", folder.display()))?;
        let heads = config.num_attention_heads;
        // What transformers computes with where the file says nothing.
        let head_dim = config.head_dim.unwrap_or(match config.model_type {
            Family::Qwen3 => 128,
            Family::Llama | Family::Qwen2 => config.hidden_size / heads.max(1),
        });
        Ok(Self {
            model_type: config.model_type,
            vocab_size: config.vocab_size,
            hidden_size: config.hidden_size,
            layers: config.num_hidden_layers,
            heads,
            kv_heads: config.num_key_value_heads.unwrap_or(heads),
            head_dim,
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

    /// Number of all other weights: embeddings, head, norms, and the biases that its family always has.
    pub fn other_parameters(&self) -> u64 {
        let embeddings = self.vocab_size * self.hidden_size * if self.untied { 2 } else { 1 };
        let attention = match self.model_type {
            Family::Llama => 0,
            Family::Qwen2 => (self.heads + 2 * self.kv_heads) * self.head_dim,
            Family::Qwen3 => 2 * self.head_dim,
        };
        embeddings + self.layers * (2 * self.hidden_size + attention) + self.hidden_size
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
    use super::{Family, Sizes};

    /// The numbers of weights that Hugging Face gives for Qwen3-8B, Qwen3-0.6B, Qwen2.5-0.5B and SmolLM2-135M.
    #[test]
    fn weights_are_counted_as_published() {
        let large = Sizes {
            model_type: Family::Qwen3,
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
        let qwen2 = Sizes {
            model_type: Family::Qwen2,
            hidden_size: 896,
            layers: 24,
            heads: 14,
            kv_heads: 2,
            head_dim: 64,
            intermediate_size: 4864,
            ..small
        };
        assert_eq!(qwen2.parameters(), 494_032_768);
        let llama = Sizes {
            model_type: Family::Llama,
            vocab_size: 49_152,
            hidden_size: 576,
            layers: 30,
            heads: 9,
            kv_heads: 3,
            head_dim: 64,
            intermediate_size: 1536,
            untied: false,
        };
        assert_eq!(llama.parameters(), 134_515_008);
    }
}
