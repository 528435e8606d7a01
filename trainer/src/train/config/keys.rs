//! What each key does: the one table that the reader, `--check` and `train_configs/README.md` follow.
//!
//! | file       | its keys                                                        |
//! |------------|-----------------------------------------------------------------|
//! | `read`     | those of [`Config`](super::Config), and what they do in words   |
//! | `compute`  | kernels, memory, devices, and how passes are filled             |
//! | `records`  | metrics, checkpoints, evaluations                               |
//! | `data`     | datasets, tokens, chat templates; the keys of a dataset's entry |
//! | `training` | the model, the adapter, the loss and the optimizer              |
//!
//! Axolotl's keys and their meanings are those of its `src/axolotl/utils/schemas`, in July 2026, and of older configs.

mod compute;
mod data;
mod read;
mod records;
mod training;

use serde_json::{Map, Value};

use crate::message;

/// All keys of a config.
pub const KEYS: [&[Row]; 5] = [read::KEYS, data::KEYS, training::KEYS, compute::KEYS, records::KEYS];
/// All keys of an entry of `datasets`.
pub const OF_DATASETS: [&[Row]; 1] = [data::OF_DATASETS];

/// Keys that do the same.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Their names. `*` at the end stands for any end.
    pub keys: &'static [&'static str],
    /// What they do.
    pub does: Does,
}

impl Row {
    /// Whether the keys are read into the config.
    pub fn is_read(&self) -> bool {
        matches!(self.does, Does::Read(_) | Does::Switch(..) | Does::Count(_))
    }
}

/// What keys do. A key without a value is always accepted, and does nothing.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// They are read, and this is what they do; `{}` stands for the value.
    Read(&'static str),
    /// They are read: what they do if true, and if false.
    Switch(&'static str, &'static str),
    /// As `Read`, for numbers of which 0 is as if the key were left out.
    Count(&'static str),
    /// No value has an effect, for this reason.
    Nothing(&'static str),
    /// Some values have no effect; others are refused.
    Accept {
        /// The values without effect, besides those that are switched off.
        values: Values,
        /// Why they have none.
        why: &'static str,
        /// Why the others are refused, and what to write instead.
        refused: &'static str,
    },
    /// Unless switched off, they are refused for this reason, which says what to write instead.
    Refused(&'static str),
}

/// Values without effect.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// These words, numbers or booleans.
    Words(&'static [&'static str]),
    /// The value of another key.
    Same(&'static str),
    /// Those of this kind, in words, for which the function holds. False counts as a value.
    Kind(&'static str, fn(&Value) -> bool),
}

/// What a key does with the value that it has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It is read, and does this.
    Read(String),
    /// It has no effect, for this reason.
    Nothing(&'static str),
    /// It is refused for this reason, which says what to write instead.
    Refused(&'static str),
    /// No key has this name.
    Unknown,
}

/// Why a key that has no value, or is switched off, has no effect.
pub const LEFT_OUT: &str = "as if it were left out";

/// What a key does with a value, if it is one of `rows`; `beside` holds the keys beside it.
pub fn effect(rows: &[&[Row]], key: &str, value: &Value, beside: &Map<String, Value>) -> Effect {
    let Some(row) = find(rows, key) else { return Effect::Unknown };
    match row.does {
        Does::Read(_) | Does::Switch(..) if is_empty(value) => Effect::Nothing(LEFT_OUT),
        Does::Count(_) if is_off(value) => Effect::Nothing(LEFT_OUT),
        Does::Read(says) | Does::Count(says) => Effect::Read(says.replace("{}", &text(value))),
        Does::Switch(on, off) => Effect::Read(if is_off(value) { off } else { on }.to_owned()),
        Does::Nothing(why) => Effect::Nothing(why),
        Does::Accept { values, why, refused } => match values {
            Values::Kind(_, holds) if holds(value) => Effect::Nothing(why),
            Values::Kind(..) if value.is_boolean() => Effect::Refused(refused),
            Values::Words(words) if words.contains(&text(value).as_str()) => Effect::Nothing(why),
            Values::Same(other) if beside.get(other) == Some(value) => Effect::Nothing(why),
            _ if is_off(value) => Effect::Nothing(LEFT_OUT),
            _ => Effect::Refused(refused),
        },
        Does::Refused(_) if is_off(value) => Effect::Nothing(LEFT_OUT),
        Does::Refused(why) => Effect::Refused(why),
    }
}

/// The row of a key. A name that stands in full wins over one that ends with `*`.
fn find<'a>(rows: &[&'a [Row]], key: &str) -> Option<&'a Row> {
    let all = || rows.iter().copied().flatten();
    let begins = |name: &&str| name.strip_suffix('*').is_some_and(|begin| key.starts_with(begin));
    all().find(|row| row.keys.contains(&key)).or_else(|| all().find(|row| row.keys.iter().any(begins)))
}

/// Whether a key of ours is left out: null, or without content. An empty list stays: `datasets: []` is a mistake.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Whether a key of Axolotl's is switched off: it takes any value that is empty, false or zero for that.
fn is_off(value: &Value) -> bool {
    message::is_empty(value) || value.as_f64() == Some(0.0)
}

/// A value as a word.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
