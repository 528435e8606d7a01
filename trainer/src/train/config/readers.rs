//! Readers of numbers that must be within bounds, and of values that Axolotl writes in several ways.

use std::collections::BTreeSet;

use fields::{FromJson, Place};
use serde_json::Value;

use crate::lora::Target;

/// A value that may be null: `None`.
pub fn optional<T>(
    read: impl FnOnce(&Value, &Place<'_>) -> Option<T>,
) -> impl FnOnce(&Value, &Place<'_>) -> Option<Option<T>> {
    move |value, place| if value.is_null() { Some(None) } else { read(value, place).map(Some) }
}

/// An integer of at least 1.
pub fn at_least_one<T: FromJson + PartialEq + Default>(value: &Value, place: &Place<'_>) -> Option<T> {
    let number = T::from_json(value, place)?; // not negative: all of these are unsigned
    bounded(number != T::default(), number, place, "must be at least 1")
}

/// A finite number above 0.
pub fn positive(value: &Value, place: &Place<'_>) -> Option<f64> {
    let rule = "must be above 0";
    match value.as_f64() {
        Some(number) => bounded(number > 0.0, number, place, rule),
        None => place.expected(&format!("a number, which {rule}"), value),
    }
}

/// A number of at least 0.
pub fn zero_or_more(value: &Value, place: &Place<'_>) -> Option<f64> {
    let number = f64::from_json(value, place)?;
    bounded(number >= 0.0, number, place, "must be 0 or more")
}

/// A number from 0 to 1.
pub fn fraction(value: &Value, place: &Place<'_>) -> Option<f64> {
    let number = f64::from_json(value, place)?;
    bounded((0.0..=1.0).contains(&number), number, place, "must be from 0 to 1")
}

/// A decay rate: a number from 0 to below 1.
pub fn decay_rate(value: &Value, place: &Place<'_>) -> Option<f64> {
    let number = f64::from_json(value, place)?;
    bounded((0.0..1.0).contains(&number), number, place, "must be from 0 to below 1")
}

/// A share below 1, or a count.
pub fn share_or_count(value: &Value, place: &Place<'_>) -> Option<f64> {
    let number = f64::from_json(value, place)?;
    let holds = (0.0..1.0).contains(&number) || (number >= 1.0 && number.fract() == 0.0);
    bounded(holds, number, place, "must be a share below 1 or a whole number")
}

/// A share below 1, or a count, but not 0.
pub fn interval(value: &Value, place: &Place<'_>) -> Option<f64> {
    positive(value, place)?;
    share_or_count(value, place)
}

fn bounded<T>(holds: bool, number: T, place: &Place<'_>, rule: &str) -> Option<T> {
    if holds { Some(number) } else { place.fail(rule) }
}

/// A number of steps; -1, the `Trainer`'s way of not setting it: `None`.
pub fn limit(value: &Value, place: &Place<'_>) -> Option<Option<u64>> {
    if value.as_i64() == Some(-1) { Some(None) } else { optional(at_least_one)(value, place) }
}

/// A number of steps of the warm-up, which is no share of them.
pub fn whole_steps(value: &Value, place: &Place<'_>) -> Option<u64> {
    match value.as_f64() {
        Some(share) if share > 0.0 && share < 1.0 => {
            place.fail(format!("must be whole steps; write `warmup_ratio: {share}` for a share of all steps"))
        }
        _ => u64::from_json(value, place),
    }
}

/// Whether activations are recomputed. Axolotl's words for it say where it keeps the inputs of layers meanwhile.
pub fn recomputation(value: &Value, place: &Place<'_>) -> Option<bool> {
    match (value.as_bool(), value.as_str()) {
        (Some(on), _) => Some(on),
        (_, Some("offload" | "offload_disk" | "unsloth")) => Some(true),
        _ => place.expected("true, false, offload, offload_disk or unsloth", value),
    }
}

/// The matrices to adapt, by name.
pub fn modules(value: &Value, place: &Place<'_>) -> Option<BTreeSet<Target>> {
    match value {
        Value::String(_) => place
            .fail("must be a list of names, such as [q_proj, v_proj]; write `lora_target_linear: true` for all matrices"),
        _ => BTreeSet::from_json(value, place),
    }
}
