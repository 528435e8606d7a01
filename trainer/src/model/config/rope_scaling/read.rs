//! Reads the base of rotary frequencies and their scaling, as transformers 4 and 5 write them.

use fields::{Fields, FromJson as _, Place};
use serde_json::{Map, Value};

use super::{Llama3, RopeScaling, Yarn};
use crate::message::is_empty;
use crate::model::config::keys::{get, optional};

/// The keys that may have the scaling.
pub const KEYS: [&str; 2] = ["rope_scaling", "rope_parameters"];

/// The base of the frequencies where none is given, as in transformers.
const DEFAULT_THETA: f64 = 10_000.0;

/// Reads the base of the frequencies, `rope_theta`, and the scaling of a whole config; records every problem.
pub fn rope(map: &Map<String, Value>, root: &Place<'_>) -> Option<(f64, Option<RopeScaling>)> {
    let outer = optional(map, root, "rope_theta", DEFAULT_THETA)
        .and_then(|theta| above_zero(theta, &root.key("rope_theta")));
    let (parameters, place) = parameters(map, root)?;
    let fields = Fields::of(&parameters, &place);
    let theta = fields.or("rope_theta", None).and_then(|inner| match inner {
        Some(inner) => above_zero(inner, &fields.at("rope_theta")),
        None => outer,
    });
    let one = |key| {
        let value: f64 = fields.or(key, 1.0)?;
        if value == 1.0 { Some(()) } else { fields.at(key).fail(format!("is not supported: {value}")) }
    };
    let all_rotated = one("partial_rotary_factor");
    let (new, old) = (fields.raw("rope_type"), fields.raw("type"));
    let scaling = match new.or(old).map(Value::as_str) {
        None | Some(Some("default")) => one("factor").map(|()| None),
        Some(Some("llama3")) => llama3(&fields, map, root).map(Some),
        Some(Some("yarn")) => yarn(&fields, map, root).map(Some),
        Some(other) => {
            let key = if new.is_some() { "rope_type" } else { "type" };
            let other = other.unwrap_or("no string");
            let supported = "supported are \"default\", \"llama3\", \"yarn\"";
            return fields.at(key).fail(format!("{other:?} is not supported; {supported}"));
        }
    };
    fields.refuse_unknown();
    let (theta, scaling) = (theta?, scaling?);
    // The bounds of YaRN's mixture are logarithms to the base of the frequencies.
    let bounded = theta > 1.0 || !matches!(scaling, Some(RopeScaling::Yarn(_)));
    fields.at("rope_theta").require(bounded, || format!("must be above 1 with yarn, is {theta}"));
    all_rotated.map(|()| (theta, scaling))
}

/// The parameters of rotary positions that are not null, and their place.
fn parameters<'a>(map: &Map<String, Value>, root: &Place<'a>) -> Option<(Map<String, Value>, Place<'a>)> {
    let (key, value) = match KEYS.map(|key| get(map, key).filter(|value| !is_empty(value))) {
        [None, None] => return Some((Map::new(), root.clone())),
        [Some(one), Some(other)] if one != other => {
            return root.key(KEYS[1]).fail("differs from `rope_scaling`: give only one of them");
        }
        [Some(value), _] => (KEYS[0], value),
        [None, Some(value)] => (KEYS[1], value),
    };
    let stated = |map: Map<String, Value>| map.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let place = root.key(key);
    let parameters: Map<_, _> = stated(Map::from_json(value, &place)?);
    match parameters.get("full_attention") {
        // transformers 5 may write them below the type of the layers.
        Some(Value::Object(nested)) if parameters.len() == 1 => {
            Some((stated(nested.clone()), place.key("full_attention")))
        }
        _ => Some((parameters, place)),
    }
}

fn llama3(fields: &Fields<'_>, map: &Map<String, Value>, root: &Place<'_>) -> Option<RopeScaling> {
    let factor = factor(fields);
    let low = positive(fields, "low_freq_factor", None);
    let high = positive(fields, "high_freq_factor", None);
    let ordered = low.zip(high).is_none_or(|(low, high)| low < high);
    fields.at("high_freq_factor").require(ordered, || "must be above `low_freq_factor`".to_owned());
    let original = original(fields, map, root);
    Some(RopeScaling::Llama3(Llama3 {
        factor: factor?,
        low_freq_factor: low?,
        high_freq_factor: high?,
        original_max_position_embeddings: original?,
    }))
}

fn yarn(fields: &Fields<'_>, map: &Map<String, Value>, root: &Place<'_>) -> Option<RopeScaling> {
    let factor = factor(fields);
    let original = original(fields, map, root);
    let fast = positive(fields, "beta_fast", Some(32.0));
    let slow = positive(fields, "beta_slow", Some(1.0));
    let ordered = slow.zip(fast).is_none_or(|(slow, fast)| slow <= fast);
    fields.at("beta_fast").require(ordered, || "must not be below `beta_slow`".to_owned());
    let truncate = fields.or("truncate", true);
    let mscale = [fields.or("mscale", 0.0), fields.or("mscale_all_dim", 0.0)];
    let attention_factor = match fields.or("attention_factor", None)? {
        Some(given) => above_zero(given, &fields.at("attention_factor")),
        None => factor.and_then(|factor| Some(attention_factor(factor, mscale[0]?, mscale[1]?))),
    };
    Some(RopeScaling::Yarn(Yarn {
        factor: factor?,
        original_max_position_embeddings: original?,
        attention_factor: attention_factor?,
        beta_fast: fast?,
        beta_slow: slow?,
        truncate: truncate?,
    }))
}

/// The factor of cosines and sines where none is given, as transformers computes it; 0: no `mscale`.
fn attention_factor(factor: f64, mscale: f64, mscale_all_dim: f64) -> f64 {
    let scale = |mscale: f64| if factor <= 1.0 { 1.0 } else { 0.1 * mscale * factor.ln() + 1.0 };
    match mscale != 0.0 && mscale_all_dim != 0.0 {
        true => scale(mscale) / scale(mscale_all_dim),
        false => scale(1.0),
    }
}

/// The original context. transformers 5 takes it from the top of the config, if it is there, and takes the model's own
/// context if it is nowhere.
fn original(fields: &Fields<'_>, map: &Map<String, Value>, root: &Place<'_>) -> Option<i64> {
    const KEY: &str = "original_max_position_embeddings";
    let inner = fields.or(KEY, None)?;
    let (size, place) = match (optional(map, root, KEY, None)?, inner) {
        (Some(outer), _) => (outer, root.key(KEY)),
        (None, Some(inner)) => (inner, fields.at(KEY)),
        (None, None) => match optional(map, root, "max_position_embeddings", None)? {
            Some(size) => (size, root.key("max_position_embeddings")),
            None => return fields.at(KEY).fail("is missing"),
        },
    };
    if size >= 1 { Some(size) } else { place.fail(format!("must be at least 1, is {size}")) }
}

fn factor(fields: &Fields<'_>) -> Option<f64> {
    match fields.required("factor")? {
        factor if factor >= 1.0 => Some(factor),
        factor => fields.at("factor").fail(format!("must be at least 1, is {factor}")),
    }
}

fn positive(fields: &Fields<'_>, key: &'static str, default: Option<f64>) -> Option<f64> {
    let value = match default {
        Some(default) => fields.or(key, default),
        None => fields.required(key),
    };
    above_zero(value?, &fields.at(key))
}

fn above_zero(value: f64, place: &Place<'_>) -> Option<f64> {
    if value > 0.0 { Some(value) } else { place.fail(format!("must be above 0, is {value}")) }
}
