//! The sizes of a model: `config.json`.
//!
//! | file           | what it holds                              |
//! |----------------|--------------------------------------------|
//! | `model_type`   | the supported families                     |
//! | `rope_scaling` | rotary frequencies for longer contexts     |
//! | `read`         | what the file may say, and what is refused |
//! | `keys`         | values of single keys                      |

mod keys;
mod model_type;
mod read;
mod rope_scaling;

use std::path::Path;

use fields::Collector;
use serde_json::{Map, Value, json};
use tch::Kind;

use crate::json::Object;
use crate::{Error, Result, json as json_file};

pub use model_type::ModelType;
pub use rope_scaling::{Llama3, RopeScaling, Yarn};

/// The family and sizes of a model, and the remaining keys of its `config.json`, which are kept unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The family.
    pub model_type: ModelType,
    /// Rows of the embedding: token ids are below this.
    pub vocab_size: i64,
    /// The width of the residual stream, `h`.
    pub hidden_size: i64,
    /// Width of the feed-forward network.
    pub intermediate_size: i64,
    /// Decoder layers.
    pub num_hidden_layers: i64,
    /// Query heads.
    pub num_attention_heads: i64,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: i64,
    /// The size of a head, `d`; even. Independent of `h` and the number of heads.
    pub head_dim: i64,
    /// Whether all four matrices of attention have biases; those of queries, keys and values always have them in Qwen2.
    pub attention_bias: bool,
    /// Whether the matrices of the feed-forward network have biases.
    pub mlp_bias: bool,
    /// Added to the mean square before the root.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// How the rotary frequencies are changed for long contexts.
    pub rope_scaling: Option<RopeScaling>,
    /// Whether the embedding is also the output head.
    pub tie_word_embeddings: bool,
    /// The element type of the stored weights.
    pub kind: Kind,
    /// The keys that do not affect what is computed: token ids, context length, versions.
    pub other: Map<String, Value>,
}

/// Element types by their name in `config.json`.
const KINDS: [(&str, Kind); 3] =
    [("float32", Kind::Float), ("bfloat16", Kind::BFloat16), ("float16", Kind::Half)];

impl Config {
    /// Reads a `config.json`, as transformers 4 or 5 writes it.
    ///
    /// # Errors
    /// [`Error::Config`] with every key that is missing or malformed, or that asks for something unsupported.
    pub fn read(path: &Path) -> Result<Self> {
        let file = Object::read(path)?;
        let collector = Collector::default();
        let config = read::config(&file.map, &collector.root());
        collector.finish(config).map_err(|problems| Error::Config { path: path.into(), problems })
    }

    /// Writes a `config.json` that transformers 4 and 5 and vLLM read.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut map = self.own_keys();
        map.extend(self.other.clone());
        json_file::write(path, &map)
    }

    /// The context length in tokens, if the config states it: `max_position_embeddings`, or what the rotary
    /// frequencies are scaled for, if that is more.
    pub fn context_length(&self) -> Option<usize> {
        let own = self.other.get("max_position_embeddings").and_then(Value::as_u64);
        own.map(|tokens| tokens as usize).max(self.rope_scaling.and_then(|scaling| scaling.context_length()))
    }

    /// Whether queries and keys are normalised, head by head.
    pub fn has_qk_norm(&self) -> bool {
        self.model_type == ModelType::Qwen3
    }

    /// Whether the matrices of queries, keys and values have biases.
    pub fn has_qkv_bias(&self) -> bool {
        self.attention_bias || self.model_type == ModelType::Qwen2
    }

    /// The keys of this struct's fields.
    fn own_keys(&self) -> Map<String, Value> {
        let dtype = KINDS.iter().find(|(_, kind)| *kind == self.kind).map(|(name, _)| *name);
        let keys = [
            ("architectures", json!([self.model_type.architecture()])),
            ("model_type", json!(self.model_type.name())),
            ("dtype", json!(dtype)),
            ("torch_dtype", json!(dtype)), // the name until transformers 5
            ("vocab_size", json!(self.vocab_size)),
            ("hidden_size", json!(self.hidden_size)),
            ("intermediate_size", json!(self.intermediate_size)),
            ("num_hidden_layers", json!(self.num_hidden_layers)),
            ("num_attention_heads", json!(self.num_attention_heads)),
            ("num_key_value_heads", json!(self.num_key_value_heads)),
            ("head_dim", json!(self.head_dim)),
            ("hidden_act", json!("silu")),
            ("rms_norm_eps", json!(self.rms_norm_eps)),
            ("rope_theta", json!(self.rope_theta)),
            ("tie_word_embeddings", json!(self.tie_word_embeddings)),
        ];
        // transformers 5 reads `rope_theta` and `rope_scaling`, too.
        let scaling = self.rope_scaling.map(|scaling| ("rope_scaling", scaling.json()));
        let biases = [("attention_bias", json!(self.attention_bias)), ("mlp_bias", json!(self.mlp_bias))];
        let read = self.model_type.bias_keys();
        let biases = biases.into_iter().filter(|(key, _)| read.contains(key));
        keys.into_iter().chain(scaling).chain(biases).map(|(key, value)| (key.to_owned(), value)).collect()
    }
}
