//! Reads a `config.json`. What says nothing new is accepted, whichever version of transformers wrote it; what would
//! change the computation is a problem.

use fields::{FromJson as _, Place};
use serde_json::{Map, Value, json};
use tch::Kind;

use super::keys::{get, optional, size};
use super::{Config, KINDS, ModelType, rope_scaling};
use crate::message::is_empty;

/// Keys of these and of related architectures that change the computation.
const UNSUPPORTED: [&str; 7] = [
    "attention_dropout",
    "mlp_bias",
    "use_sliding_window",
    "num_experts",
    "num_local_experts",
    "mlp_only_layers",
    "quantization_config",
];

/// Reads the keys; records every problem.
pub fn config(map: &Map<String, Value>, root: &Place<'_>) -> Option<Config> {
    let model_type = model_type(map, root)?;
    refuse_unsupported(map, root, model_type);
    let hidden_size = size(map, root, "hidden_size", None);
    let heads = size(map, root, "num_attention_heads", None);
    let kv_heads = size(map, root, "num_key_value_heads", heads);
    let head_dim = head_dim(map, root, model_type, hidden_size.zip(heads));
    let divides = heads.zip(kv_heads).is_none_or(|(heads, kv_heads)| heads % kv_heads == 0);
    root.key("num_key_value_heads").require(divides, || "must divide `num_attention_heads`".to_owned());
    let vocab_size = size(map, root, "vocab_size", None);
    let intermediate_size = size(map, root, "intermediate_size", None);
    let num_hidden_layers = size(map, root, "num_hidden_layers", None);
    let bias = |key| match model_type.bias_keys().contains(&key) {
        true => optional(map, root, key, false),
        false => Some(false),
    };
    let (attention_bias, mlp_bias) = (bias("attention_bias"), bias("mlp_bias"));
    let rms_norm_eps = optional(map, root, "rms_norm_eps", 1e-6);
    let rope = rope_scaling::rope(map, root);
    let tie_word_embeddings = optional(map, root, "tie_word_embeddings", false);
    let kind = kind(map, root);
    let (rope_theta, rope_scaling) = rope?;
    let config = Config {
        model_type,
        vocab_size: vocab_size?,
        hidden_size: hidden_size?,
        intermediate_size: intermediate_size?,
        num_hidden_layers: num_hidden_layers?,
        num_attention_heads: heads?,
        num_key_value_heads: kv_heads?,
        head_dim: head_dim?,
        attention_bias: attention_bias?,
        mlp_bias: mlp_bias?,
        rms_norm_eps: rms_norm_eps?,
        rope_theta,
        rope_scaling,
        tie_word_embeddings: tie_word_embeddings?,
        kind: kind?,
        other: Map::new(),
    };
    let read = config.own_keys();
    let is_other = |key: &String| !read.contains_key(key) && !rope_scaling::KEYS.contains(&key.as_str());
    let other = map.iter().filter(|(key, _)| is_other(key)).map(|(key, value)| (key.clone(), value.clone()));
    Some(Config { other: other.collect(), ..config })
}

/// The family, which decides how the other keys are read.
fn model_type(map: &Map<String, Value>, root: &Place<'_>) -> Option<ModelType> {
    let place = root.key("model_type");
    let Some(value) = get(map, "model_type") else {
        return place.fail(format!("is missing; supported are {}", ModelType::names()));
    };
    String::from_json(value, &place)?.parse().map_or_else(|problem: String| place.fail(problem), Some)
}

/// The size of a head, which is even.
fn head_dim(
    map: &Map<String, Value>,
    root: &Place<'_>,
    model_type: ModelType,
    width_and_heads: Option<(i64, i64)>,
) -> Option<i64> {
    let place = root.key("head_dim");
    let size = match (get(map, "head_dim"), model_type.default_head_dim()) {
        (Some(_), _) => size(map, root, "head_dim", None)?,
        (None, Some(default)) => default,
        (None, None) => match width_and_heads? {
            (width, heads) if width % heads == 0 => width / heads,
            _ => return place.fail("is missing, and `num_attention_heads` does not divide `hidden_size`"),
        },
    };
    if size % 2 == 0 { Some(size) } else { place.fail(format!("must be even, is {size}")) }
}

fn refuse_unsupported(map: &Map<String, Value>, root: &Place<'_>, model_type: ModelType) {
    let refuse = |key: &str, supported: &[&Value]| {
        if let Some(value) = map.get(key)
            && !says_nothing(value)
            && !supported.contains(&value)
        {
            root.key(key).fail::<()>(format!("is not supported: {value}"));
        }
    };
    let architecture = model_type.architecture();
    if let Some(value) =
        get(map, "architectures").filter(|value| !is_empty(value) && **value != json!([architecture]))
    {
        let supported = format!("a {:?} is supported as {architecture:?}", model_type.name());
        root.key("architectures").fail::<()>(format!("is not supported: {value}; {supported}"));
    }
    refuse("hidden_act", &[&"silu".into(), &"swish".into()]);
    let read = model_type.bias_keys();
    UNSUPPORTED.iter().filter(|key| !read.contains(key)).for_each(|key| refuse(key, &[]));
    // transformers' Llama has no windows but keeps fewer keys and values where this key is set.
    if model_type == ModelType::Llama {
        refuse("sliding_window", &[]);
    }
    refuse("partial_rotary_factor", &[&1.into(), &1.0.into()]);
    let layers = get(map, "layer_types").and_then(Value::as_array);
    if let Some(layer) = layers.into_iter().flatten().find(|layer| *layer != "full_attention") {
        root.key("layer_types").fail::<()>(format!("is not supported: {layer}"));
    }
}

fn kind(map: &Map<String, Value>, root: &Place<'_>) -> Option<Kind> {
    for key in ["dtype", "torch_dtype"] {
        if let Some(value) = get(map, key) {
            let name = value.as_str().unwrap_or_default();
            let name = name.strip_prefix("torch.").unwrap_or(name);
            let kind = KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
            return kind.or_else(|| root.key(key).fail(format!("is not supported: {value}")));
        }
    }
    Some(Kind::Float)
}

/// Null, false, zero, or empty.
fn says_nothing(value: &Value) -> bool {
    is_empty(value) || value.as_f64() == Some(0.0)
}
