//! The sizes of a new model, and whether they are consistent.

use serde_json::json;
use tch::Kind;

use super::bpe;
use crate::model::{Config, ModelType};
use crate::{Error, Result};

/// The sizes of a new model.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// Most tokens, including special ones and single bytes.
    pub vocab_size: i64,
    /// Width of the residual stream.
    pub hidden_size: i64,
    /// Decoder layers.
    pub layers: i64,
    /// Query heads.
    pub heads: i64,
    /// Key and value heads.
    pub kv_heads: i64,
    /// Width of a head.
    pub head_dim: i64,
    /// Width of the feed-forward network.
    pub intermediate_size: i64,
    /// Most tokens of a conversation.
    pub context_length: i64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Whether the embedding is also the output head.
    pub tied: bool,
}

impl Sizes {
    pub(super) fn check(&self, model_type: ModelType) -> Result<()> {
        let least = |flag, value: i64, least: i64| match value < least {
            true => Err(Error::flag(flag, format!("must be at least {least}, is {value}"))),
            false => Ok(()),
        };
        least("--hidden-size", self.hidden_size, 1)?;
        least("--layers", self.layers, 1)?;
        least("--heads", self.heads, 1)?;
        least("--kv-heads", self.kv_heads, 1)?;
        least("--head-dim", self.head_dim, 2)?;
        least("--intermediate-size", self.intermediate_size, 1)?;
        least("--context-length", self.context_length, 1)?;
        if self.vocab_size < bpe::SMALLEST {
            let problem = format!(
                "must be at least {} (bytes and special tokens), is {}",
                bpe::SMALLEST,
                self.vocab_size
            );
            return Err(Error::flag("--vocab-size", problem));
        }
        if self.heads % self.kv_heads != 0 {
            let problem = format!("must divide --heads ({}), is {}", self.heads, self.kv_heads);
            return Err(Error::flag("--kv-heads", problem));
        }
        // transformers refuses such a config, although `head_dim` says the size.
        if model_type == ModelType::Llama && self.hidden_size % self.heads != 0 {
            let problem =
                format!("must be a multiple of --heads ({}) in a llama, is {}", self.heads, self.hidden_size);
            return Err(Error::flag("--hidden-size", problem));
        }
        if self.head_dim % 2 != 0 {
            return Err(Error::flag("--head-dim", format!("must be even, is {}", self.head_dim)));
        }
        if !(self.rope_theta > 0.0 && self.rope_theta.is_finite()) {
            return Err(Error::flag("--rope-theta", format!("must be above zero, is {}", self.rope_theta)));
        }
        Ok(())
    }

    pub(super) fn config(&self, model_type: ModelType, init_std: f64) -> Config {
        let other = [
            ("max_position_embeddings", json!(self.context_length)),
            ("initializer_range", json!(init_std)),
            ("bos_token_id", json!(null)),
            ("eos_token_id", json!(bpe::IM_END.id)),
            ("pad_token_id", json!(bpe::END_OF_TEXT.id)),
            ("use_cache", json!(true)),
        ];
        Config {
            model_type,
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_hidden_layers: self.layers,
            num_attention_heads: self.heads,
            num_key_value_heads: self.kv_heads,
            head_dim: self.head_dim,
            attention_bias: false,
            mlp_bias: false,
            rms_norm_eps: 1e-6,
            rope_theta: self.rope_theta,
            rope_scaling: None,
            tie_word_embeddings: self.tied,
            kind: Kind::Float,
            other: other.map(|(key, value)| (key.to_owned(), value)).into_iter().collect(),
        }
    }
}
