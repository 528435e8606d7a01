//! The sizes of a model: `config.json`.

use std::path::Path;

use serde_json::{Map, Value, json};
use tch::Kind;

use crate::json::Object;
use crate::{Result, json as json_file};

/// The sizes of a model, and the remaining keys of its `config.json`, which are kept unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
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
    /// The size of a head, `d`; even. Independent of `h` and the number of heads in Qwen3.
    pub head_dim: i64,
    /// Added to the mean square before the root.
    pub rms_norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Whether the embedding is also the output head.
    pub tie_word_embeddings: bool,
    /// The element type of the stored weights.
    pub kind: Kind,
    /// The keys that do not affect what is computed: token ids, context length, versions.
    pub other: Map<String, Value>,
}

/// Element types by their name in `config.json`.
const KINDS: [(&str, Kind); 2] = [("float32", Kind::Float), ("bfloat16", Kind::BFloat16)];

impl Config {
    /// Reads a `config.json`, as transformers 4 or 5 writes it.
    ///
    /// # Errors
    /// Names the key that is missing or malformed, or that asks for something unsupported.
    pub fn read(path: &Path) -> Result<Self> {
        let mut file = Object::read(path)?;
        refuse_unsupported(&file)?;
        let config = Self {
            vocab_size: file.get("vocab_size")?,
            hidden_size: file.get("hidden_size")?,
            intermediate_size: file.get("intermediate_size")?,
            num_hidden_layers: file.get("num_hidden_layers")?,
            num_attention_heads: file.get("num_attention_heads")?,
            num_key_value_heads: file.get("num_key_value_heads")?,
            head_dim: file.optional("head_dim")?.unwrap_or(128),
            rms_norm_eps: file.get("rms_norm_eps")?,
            rope_theta: rope_theta(&file)?,
            tie_word_embeddings: file.optional("tie_word_embeddings")?.unwrap_or(false),
            kind: kind(&file)?,
            other: Map::new(),
        };
        config.check(&file)?;
        let read = config.own_keys();
        file.map.retain(|key, _| {
            !read.contains_key(key)
                && !matches!(key.as_str(), "rope_parameters" | "rope_scaling" | "torch_dtype")
        });
        Ok(Self { other: file.map, ..config })
    }

    /// Writes a `config.json` that transformers 4 and 5 and vLLM read.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut map = self.own_keys();
        map.extend(self.other.clone());
        json_file::write(path, &map)
    }

    /// The context length in tokens, if the config states it.
    pub fn context_length(&self) -> Option<usize> {
        self.other.get("max_position_embeddings")?.as_u64().map(|tokens| tokens as usize)
    }

    /// The keys of this struct's fields.
    fn own_keys(&self) -> Map<String, Value> {
        let dtype = KINDS.iter().find(|(_, kind)| *kind == self.kind).map(|(name, _)| *name);
        [
            ("architectures", json!(["Qwen3ForCausalLM"])),
            ("model_type", json!("qwen3")),
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
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect()
    }

    fn check(&self, file: &Object) -> Result<()> {
        for (key, value) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.num_key_value_heads),
            ("head_dim", self.head_dim),
        ] {
            if value < 1 {
                return Err(file.error(key, format!("must be at least 1, is {value}")));
            }
        }
        if self.head_dim % 2 != 0 {
            return Err(file.error("head_dim", format!("must be even, is {}", self.head_dim)));
        }
        if self.num_attention_heads % self.num_key_value_heads != 0 {
            return Err(file.error("num_key_value_heads", "must divide `num_attention_heads`"));
        }
        Ok(())
    }
}

/// Refuses every option of transformers' Qwen3 that changes the computation, and related architectures.
fn refuse_unsupported(file: &Object) -> Result<()> {
    let model_type: String = file.get("model_type")?;
    if model_type != "qwen3" {
        return Err(file.error("model_type", format!("is {model_type:?}; only \"qwen3\" is supported")));
    }
    file.refuse_unless("hidden_act", &[json!("silu")])?;
    file.refuse_unless("architectures", &[json!(["Qwen3ForCausalLM"])])?;
    for key in [
        "attention_bias",
        "attention_dropout",
        "mlp_bias",
        "use_sliding_window",
        "rope_scaling",
        "num_experts",
        "num_local_experts",
        "mlp_only_layers",
        "quantization_config",
    ] {
        file.refuse_unless(key, &[])?;
    }
    file.refuse_unless("partial_rotary_factor", &[json!(1), json!(1.0)])?;
    let layers: Vec<String> = file.optional("layer_types")?.unwrap_or_default();
    match layers.iter().find(|layer| *layer != "full_attention") {
        Some(layer) => Err(file.error("layer_types", format!("is not supported: {layer:?}"))),
        None => Ok(()),
    }
}

/// `rope_theta`, which transformers 5 moved into `rope_parameters`.
fn rope_theta(file: &Object) -> Result<f64> {
    let Some(parameters) = file.optional::<Map<String, Value>>("rope_parameters")? else {
        return file.get("rope_theta");
    };
    let supported = |(key, value): &(&String, &Value)| match key.as_str() {
        "rope_theta" => true,
        "rope_type" => *value == "default",
        "partial_rotary_factor" => value.as_f64() == Some(1.0),
        _ => value.is_null(),
    };
    if let Some((key, value)) = parameters.iter().find(|entry| !supported(entry)) {
        return Err(file.error(&format!("rope_parameters.{key}"), format!("is not supported: {value}")));
    }
    let theta = parameters.get("rope_theta").and_then(Value::as_f64);
    theta.ok_or_else(|| file.error("rope_parameters.rope_theta", "is missing"))
}

fn kind(file: &Object) -> Result<Kind> {
    for key in ["dtype", "torch_dtype"] {
        if let Some(name) = file.optional::<String>(key)? {
            let kind = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
            return kind.ok_or_else(|| file.error(key, format!("is not supported: {name:?}")));
        }
    }
    Ok(Kind::Float)
}
