//! Reads a `config.json`. What says nothing new is accepted, whichever version of transformers wrote it; what would
//! change the computation is a problem.

use fields::{FromJson, Place};
use serde_json::{Map, Value};
use tch::Kind;

use super::{Config, KINDS};
use crate::message::is_empty;

/// Keys of transformers' Qwen3 and of related architectures that change the computation.
const UNSUPPORTED: [&str; 8] = [
    "attention_bias",
    "attention_dropout",
    "mlp_bias",
    "use_sliding_window",
    "num_experts",
    "num_local_experts",
    "mlp_only_layers",
    "quantization_config",
];

/// Keys that are read into other fields than their own, or into none.
const REPLACED: [&str; 3] = ["rope_parameters", "rope_scaling", "torch_dtype"];

/// The base of the rotary frequencies where none is given, as in transformers.
const DEFAULT_THETA: f64 = 10_000.0;

/// Reads the keys; records every problem.
pub fn config(map: &Map<String, Value>, root: &Place<'_>) -> Option<Config> {
    refuse_unsupported(map, root);
    let hidden_size = size(map, root, "hidden_size", None);
    let heads = size(map, root, "num_attention_heads", None);
    let kv_heads = size(map, root, "num_key_value_heads", heads);
    let head_dim = size(map, root, "head_dim", Some(128));
    root.key("head_dim").require(head_dim.is_none_or(|size| size % 2 == 0), || "must be even".to_owned());
    let divides = heads.zip(kv_heads).is_none_or(|(heads, kv_heads)| heads % kv_heads == 0);
    root.key("num_key_value_heads").require(divides, || "must divide `num_attention_heads`".to_owned());
    let vocab_size = size(map, root, "vocab_size", None);
    let intermediate_size = size(map, root, "intermediate_size", None);
    let num_hidden_layers = size(map, root, "num_hidden_layers", None);
    let rms_norm_eps = optional(map, root, "rms_norm_eps", 1e-6);
    let rope_theta = rope_theta(map, root);
    let tie_word_embeddings = optional(map, root, "tie_word_embeddings", false);
    let kind = kind(map, root);
    let config = Config {
        vocab_size: vocab_size?,
        hidden_size: hidden_size?,
        intermediate_size: intermediate_size?,
        num_hidden_layers: num_hidden_layers?,
        num_attention_heads: heads?,
        num_key_value_heads: kv_heads?,
        head_dim: head_dim?,
        rms_norm_eps: rms_norm_eps?,
        rope_theta: rope_theta?,
        tie_word_embeddings: tie_word_embeddings?,
        kind: kind?,
        other: Map::new(),
    };
    let read = config.own_keys();
    let is_other = |key: &String| !read.contains_key(key) && !REPLACED.contains(&key.as_str());
    let other = map.iter().filter(|(key, _)| is_other(key)).map(|(key, value)| (key.clone(), value.clone()));
    Some(Config { other: other.collect(), ..config })
}

/// The value of a key, unless it is missing or null.
fn get<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    map.get(key).filter(|value| !value.is_null())
}

fn optional<T: FromJson>(map: &Map<String, Value>, root: &Place<'_>, key: &str, default: T) -> Option<T> {
    get(map, key).map_or(Some(default), |value| T::from_json(value, &root.key(key)))
}

/// A size, at least 1.
fn size(map: &Map<String, Value>, root: &Place<'_>, key: &str, default: Option<i64>) -> Option<i64> {
    let place = root.key(key);
    match (get(map, key), default) {
        (None, Some(default)) => Some(default),
        (None, None) => place.fail("is missing"),
        (Some(value), _) => i64::from_json(value, &place).and_then(|size| match size {
            1.. => Some(size),
            _ => place.fail(format!("must be at least 1, is {size}")),
        }),
    }
}

fn refuse_unsupported(map: &Map<String, Value>, root: &Place<'_>) {
    match get(map, "model_type").map(|value| value.as_str()) {
        Some(Some("qwen3")) => {}
        None => drop(root.key("model_type").fail::<()>("is missing")),
        Some(other) => {
            let other = other.unwrap_or("no string");
            root.key("model_type").fail::<()>(format!("is {other:?}; only \"qwen3\" is supported"));
        }
    }
    let refuse = |key: &str, supported: &[&Value]| {
        if let Some(value) = map.get(key)
            && !says_nothing(value)
            && !supported.contains(&value)
        {
            root.key(key).fail::<()>(format!("is not supported: {value}"));
        }
    };
    refuse("hidden_act", &[&"silu".into(), &"swish".into()]);
    refuse("architectures", &[&vec!["Qwen3ForCausalLM"].into()]);
    UNSUPPORTED.iter().for_each(|key| refuse(key, &[]));
    refuse("partial_rotary_factor", &[&1.into(), &1.0.into()]);
    let layers = get(map, "layer_types").and_then(Value::as_array);
    if let Some(layer) = layers.into_iter().flatten().find(|layer| *layer != "full_attention") {
        root.key("layer_types").fail::<()>(format!("is not supported: {layer}"));
    }
}

/// `rope_theta`, which transformers 5 keeps in `rope_parameters`, earlier versions at the top.
fn rope_theta(map: &Map<String, Value>, root: &Place<'_>) -> Option<f64> {
    let theta = match get(map, "rope_theta") {
        Some(value) => f64::from_json(value, &root.key("rope_theta")),
        None => Some(DEFAULT_THETA),
    };
    ["rope_scaling", "rope_parameters"].into_iter().fold(theta, |theta, key| match get(map, key) {
        Some(value) => in_parameters(value, &root.key(key)).map_or(theta, Some),
        None => theta,
    })
}

/// The `rope_theta` in the parameters of rotary embeddings, which must be of the default type. They may be nested
/// below the type of the layers.
fn in_parameters(value: &Value, place: &Place<'_>) -> Option<f64> {
    let map = Map::from_json(value, place)?;
    let mut theta = None;
    for (key, value) in &map {
        let place = place.key(key);
        match key.as_str() {
            "rope_theta" => theta = f64::from_json(value, &place),
            "full_attention" if value.is_object() => theta = in_parameters(value, &place).or(theta),
            "rope_type" | "type" if value == "default" || value.is_null() => {}
            "partial_rotary_factor" | "factor" if value.as_f64() == Some(1.0) => {}
            _ if value.is_null() => {}
            _ => drop(place.fail::<()>(format!("is not supported: {value}"))),
        }
    }
    theta
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
