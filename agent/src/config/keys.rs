//! Readers of keys, each with the rule that the key's value must keep.

use fields::{Fields, FromJson, Place};
use serde_json::Value;

/// The most seconds that a config may name, a day: more than any episode needs, and every clock can add it.
pub const MAX_SECONDS: f64 = 86_400.0;

/// Whether a key has its default, and is left out of a written config.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A required name, which becomes a part of file names and of episode ids.
pub fn name(fields: &Fields<'_>, key: &'static str) -> Option<String> {
    let name: String = fields.required(key)?;
    check_name(&name, &fields.at(key));
    Some(name)
}

/// Records a problem unless `name` can be a part of file names and of episode ids.
pub fn check_name(name: &str, place: &Place<'_>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    place.require(!name.is_empty() && !name.starts_with('.') && name.chars().all(allowed), || {
        format!("`{name}` must be made of letters, digits, `.`, `_` and `-`, and not begin with `.`")
    });
}

/// One URL, or a list of them.
pub fn urls(value: &Value, place: &Place<'_>) -> Option<Vec<String>> {
    match value {
        Value::String(url) => Some(vec![url.clone()]),
        Value::Array(_) => Vec::from_json(value, place),
        _ => place.expected("a URL, or a list of URLs", value),
    }
}

/// A whole number from 1 on.
pub fn at_least_one<T: FromJson + Default + PartialEq>(
    fields: &Fields<'_>,
    key: &'static str,
    default: T,
) -> Option<T> {
    let value = fields.or(key, default)?;
    fields.at(key).require(value != T::default(), || "must be at least 1".into());
    Some(value)
}

/// Seconds of a time limit.
pub fn seconds(fields: &Fields<'_>, key: &'static str, default: f64) -> Option<f64> {
    let seconds = fields.or(key, default)?;
    check_seconds(seconds, &fields.at(key));
    Some(seconds)
}

/// Seconds of a time limit that someone else has a default for.
pub fn optional_seconds(fields: &Fields<'_>, key: &'static str) -> Option<Option<f64>> {
    let seconds: Option<f64> = fields.or_default(key)?;
    if let Some(seconds) = seconds {
        check_seconds(seconds, &fields.at(key));
    }
    Some(seconds)
}

fn check_seconds(seconds: f64, place: &Place<'_>) {
    place.require(seconds > 0.0 && seconds <= MAX_SECONDS, || {
        format!("must be more than 0 and at most {MAX_SECONDS} seconds, not {seconds}")
    });
}

/// Seconds of a wait, which may be 0.
pub fn wait(fields: &Fields<'_>, key: &'static str, default: f64) -> Option<f64> {
    let seconds: f64 = fields.or(key, default)?;
    fields.at(key).require((0.0..=MAX_SECONDS).contains(&seconds), || {
        format!("must be within 0 and {MAX_SECONDS} seconds, not {seconds}")
    });
    Some(seconds)
}

/// A sampling temperature.
pub fn temperature(fields: &Fields<'_>, key: &'static str, default: f64) -> Option<f64> {
    let temperature: f64 = fields.or(key, default)?;
    fields.at(key).require((0.0..=10.0).contains(&temperature), || {
        format!("must be within 0 and 10, not {temperature}")
    });
    Some(temperature)
}
