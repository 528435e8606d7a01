//! The types of keys whose values are words or objects.

use std::path::PathBuf;

use fields::{FromJson, Place};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::readers::fraction;

/// An entry of `datasets`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Data {
    /// A folder of `trainer prepare`.
    pub path: PathBuf,
}

fields::object! { Data { path: required } }

/// Kinds of adapters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Adapter {
    /// On a base in full precision.
    Lora,
    /// On a base in four bits.
    Qlora,
}

fields::words! { Adapter { "lora" => Lora, "qlora" => Qlora } }

/// The keys of `bnb_config_kwargs`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[allow(missing_docs)] // the same keys as in the config itself
pub struct FourBit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_quant_type: Option<QuantType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_use_double_quant: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_compute_dtype: Option<Dtype>,
}

fields::object! {
    FourBit {
        bnb_4bit_quant_type: or_default,
        bnb_4bit_use_double_quant: or_default,
        bnb_4bit_compute_dtype: or_default,
    }
}

/// Data types of a quantised base.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum QuantType {
    Nf4,
}

fields::words! { QuantType { "nf4" => Nf4 } }

/// Element types of the computation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Dtype {
    Bfloat16,
    Float32,
}

fields::words! { Dtype { "bfloat16" => Bfloat16, "float32" => Float32 } }

/// Optimizers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerName {
    /// `torch.optim.AdamW`.
    #[default]
    AdamwTorch,
    /// `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"` for the matrices of layers and of their
    /// adapters, AdamW for embedding, head and norms.
    Muon,
}

/// Every name of an AdamW that transformers and Axolotl know is the same AdamW here, with moments in f32: they differ
/// in who computes it, and in how many bits the moments are stored.
const ADAMW: [&str; 19] = [
    "adamw",
    "adamw_8bit",
    "adamw_anyprecision",
    "adamw_apex_fused",
    "adamw_bnb_8bit",
    "adamw_hf",
    "adamw_torch",
    "adamw_torch_4bit",
    "adamw_torch_8bit",
    "adamw_torch_fused",
    "adamw_torch_npu_fused",
    "adamw_torch_xla",
    "ao_adamw_4bit",
    "ao_adamw_8bit",
    "ao_adamw_fp8",
    "optimi_adamw",
    "paged_adamw",
    "paged_adamw_32bit",
    "paged_adamw_8bit",
];

impl FromJson for OptimizerName {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match value.as_str() {
            Some("muon") => Some(Self::Muon),
            Some(name) if ADAMW.contains(&name) => Some(Self::AdamwTorch),
            _ => place.expected("muon, adamw_torch, or another name of AdamW", value),
        }
    }
}

/// `true`, `false`, or `auto`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Switch {
    On,
    Off,
    #[default]
    Auto,
}

impl FromJson for Switch {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match (value.as_bool(), value.as_str()) {
            (Some(true), _) => Some(Self::On),
            (Some(false), _) => Some(Self::Off),
            (_, Some("auto")) => Some(Self::Auto),
            _ => place.expected("true, false or auto", value),
        }
    }
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
            Self::Auto => serializer.serialize_str("auto"),
        }
    }
}

/// The shape of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Half a cosine, down to zero.
    #[default]
    Cosine,
    /// A straight line, down to zero.
    Linear,
    /// Constant; transformers' `constant_with_warmup`.
    Constant,
    /// Constant for most steps, then decaying.
    WarmupStableDecay,
}

fields::words! {
    Shape {
        "cosine" => Cosine,
        "linear" => Linear,
        "constant" => Constant,
        "constant_with_warmup" => Constant,
        "warmup_stable_decay" => WarmupStableDecay,
    }
}

/// The arguments of transformers' `get_wsd_schedule`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StableDecay {
    /// Steps in which the learning rate decays.
    pub num_decay_steps: u64,
    /// Steps in which it is constant; `None`: all steps except those of warm-up and decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_stable_steps: Option<u64>,
    /// The shape of the decay.
    pub decay_type: DecayType,
    /// The learning rate at the start of the warm-up and at the end of the decay, as a share of the highest.
    pub min_lr_ratio: f64,
}

fields::object! {
    StableDecay {
        num_decay_steps: required_as(super::readers::at_least_one),
        num_stable_steps: or_default,
        decay_type: or_default,
        min_lr_ratio: or_as(0.0, fraction),
    }
}

/// Shapes of a decay.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecayType {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
    /// One minus the square root of the progress.
    #[serde(rename = "1-sqrt")]
    OneMinusRoot,
}

fields::words! { DecayType { "cosine" => Cosine, "linear" => Linear, "1-sqrt" => OneMinusRoot } }
