//! The training config: one YAML file with Axolotl's keys, parsed once into typed values.
//!
//! Keys mean what they mean to Axolotl (<https://docs.axolotl.ai/docs/config-reference.html>) and to the Hugging
//! Face `Trainer` below it; defaults are theirs too, except where a key's documentation here says otherwise.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use tch::Kind;

use super::schedule::{Shape, StableDecay};
use crate::lora::Target;
use crate::{Error, Result};

/// A training, in Axolotl's words.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The model to start from: a Hugging Face folder.
    pub base_model: PathBuf,
    /// What to learn: folders of `trainer prepare`, end to end.
    pub datasets: Vec<Data>,
    /// Where checkpoints, metrics and the result go.
    pub output_dir: PathBuf,
    /// What to train; none: the model itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Adapter>,

    /// Whether the base is held in NF4: what makes `lora` `qlora`.
    #[serde(default)]
    pub load_in_4bit: bool,
    /// How four bits are made and computed with, in Axolotl's place for it.
    #[serde(default)]
    pub bnb_config_kwargs: FourBit,
    /// The same, each by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_quant_type: Option<QuantType>,
    /// Must be true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_use_double_quant: Option<bool>,
    /// Says the same as `bf16`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_compute_dtype: Option<Dtype>,
    /// Whether to compute in bf16 and not in f32; `auto`: on a GPU, not on a CPU, where f32 is faster.
    #[serde(default)]
    pub bf16: Switch,

    /// The adapter's rank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora_r: Option<i64>,
    /// The adapter's change is scaled by `lora_alpha / lora_r`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora_alpha: Option<f64>,
    /// The share of an adapter's inputs that a step leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora_dropout: Option<f64>,
    /// Which matrices of every layer are adapted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora_target_modules: Option<BTreeSet<Target>>,
    /// All of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora_target_linear: Option<bool>,

    /// The longest sample, and the longest sequence that samples are packed into, in tokens.
    pub sequence_len: usize,
    /// Whether several samples share a sequence.
    #[serde(default)]
    pub sample_packing: bool,
    /// Only false: the dataset says which tokens bear loss.
    #[serde(default)]
    pub train_on_inputs: bool,
    /// Samples kept back for evaluation: below 1 a share, else a number.
    #[serde(default)]
    pub val_set_size: f64,

    /// Sequences in one pass.
    #[serde(default = "one")]
    pub micro_batch_size: usize,
    /// Passes in one step.
    #[serde(default = "one")]
    pub gradient_accumulation_steps: usize,
    /// How often to see all samples.
    #[serde(default = "one_epoch")]
    pub num_epochs: f64,
    /// Ends the training after so many steps, whatever `num_epochs` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// Whether layers are computed again in the backward pass: slower, in less memory.
    #[serde(default)]
    pub gradient_checkpointing: bool,
    /// Of everything that is drawn: the adapter's start, the order of samples, dropout.
    #[serde(default = "default_seed")]
    pub seed: u64,

    /// AdamW for everything, or Muon for matrices and AdamW for the rest; one learning rate for both.
    #[serde(default)]
    pub optimizer: OptimizerName,
    /// The peak.
    pub learning_rate: f64,
    /// How the learning rate goes on after the warm-up.
    #[serde(default)]
    pub lr_scheduler: Shape,
    /// What `warmup_stable_decay` needs to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lr_scheduler_kwargs: Option<StableDecay>,
    /// The share of all steps in which the learning rate rises; rounded up to whole steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_ratio: Option<f64>,
    /// The same, in steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// Decoupled. With AdamW norms are exempt; with Muon all that AdamW trains is, unlike Axolotl's.
    #[serde(default)]
    pub weight_decay: f64,
    /// How much of the gradients' mean a step keeps.
    #[serde(default = "default_beta1")]
    pub adam_beta1: f64,
    /// How much of their mean square.
    #[serde(default = "default_beta2")]
    pub adam_beta2: f64,
    /// Added to its root.
    #[serde(default = "default_epsilon")]
    pub adam_epsilon: f64,
    /// The longest gradient; longer ones are shortened to it. 0: any length.
    #[serde(default = "default_max_grad_norm")]
    pub max_grad_norm: f64,

    /// Steps from one line of metrics to the next.
    #[serde(default = "one_step")]
    pub logging_steps: u64,
    /// Steps from one evaluation to the next, below 1 as a share of all; none: an epoch's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eval_steps: Option<f64>,
    /// Steps from one checkpoint to the next, below 1 as a share of all; none: an epoch's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_steps: Option<f64>,
    /// How many checkpoints are kept.
    #[serde(default = "default_save_total_limit")]
    pub save_total_limit: usize,
}

/// An entry of `datasets`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// A folder of `trainer prepare`.
    pub path: PathBuf,
}

/// Kinds of adapters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Adapter {
    /// On a base in full precision.
    Lora,
    /// On a base in four bits.
    Qlora,
}

/// What `bnb_config_kwargs` may say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs)] // the same keys as above
pub struct FourBit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_quant_type: Option<QuantType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_use_double_quant: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_compute_dtype: Option<Dtype>,
}

/// Data types of four bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum QuantType {
    Nf4,
}

/// What is computed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Dtype {
    Bfloat16,
    Float32,
}

/// Optimisers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerName {
    /// `torch.optim.AdamW`.
    #[default]
    AdamwTorch,
    /// `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"` for the matrices of layers and of adapters to them,
    /// AdamW for embedding, head and norms.
    Muon,
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

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Switch;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("true, false or auto")
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> std::result::Result<Switch, E> {
                Ok(if on { Switch::On } else { Switch::Off })
            }
            fn visit_str<E: de::Error>(self, word: &str) -> std::result::Result<Switch, E> {
                match word {
                    "auto" => Ok(Switch::Auto),
                    _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
                }
            }
        }
        deserializer.deserialize_any(Words)
    }
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
            Self::Auto => serializer.serialize_str("auto"),
        }
    }
}

fn one() -> usize {
    1
}
fn one_step() -> u64 {
    1
}
fn one_epoch() -> f64 {
    1.0
}
fn default_seed() -> u64 {
    42
}
fn default_beta1() -> f64 {
    0.9
}
fn default_beta2() -> f64 {
    0.999
}
fn default_epsilon() -> f64 {
    1e-8
}
fn default_max_grad_norm() -> f64 {
    1.0
}
fn default_save_total_limit() -> usize {
    4
}

impl Config {
    /// Reads and checks a config; an error names the key.
    pub fn read(path: &Path) -> Result<Self> {
        let yaml = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let mut key = String::new();
        let config: Self = serde_saphyr::with_deserializer_from_str(&yaml, |deserializer| {
            serde_path_to_error::deserialize(deserializer).map_err(|error| {
                key = error.path().to_string();
                error.into_inner()
            })
        })
        .map_err(|error| {
            let problem = error.to_string().trim_start_matches("error: ").to_owned();
            Error::key(path, &key, format!("cannot be read: {problem}"))
        })?;
        config.check().map_err(|(key, problem)| Error::key(path, key, problem))?;
        // What --restart removes must not be what is read.
        let holds = |input: &Path| match (input.canonicalize(), config.output_dir.canonicalize()) {
            (Ok(input), Ok(output)) => input.starts_with(output),
            _ => false,
        };
        if holds(&config.base_model) || config.datasets.iter().any(|entry| holds(&entry.path)) {
            let problem = "must not be, or hold, the folder of `base_model` or a dataset";
            return Err(Error::key(path, "output_dir", problem));
        }
        Ok(config)
    }

    /// What to compute in, on a device of this kind.
    pub fn compute(&self, gpu: bool) -> Kind {
        let bf16 = match (self.bf16, self.four_bit().bnb_4bit_compute_dtype) {
            (Switch::Auto, Some(dtype)) => dtype == Dtype::Bfloat16,
            (Switch::Auto, None) => gpu,
            (switch, _) => switch == Switch::On,
        };
        if bf16 { Kind::BFloat16 } else { Kind::Float }
    }

    /// The adapter's config, if an adapter is trained.
    pub fn lora(&self) -> Option<crate::lora::Config> {
        self.adapter.map(|_| crate::lora::Config {
            r: self.lora_r.unwrap_or_default(), // `check` has seen that it is there
            alpha: self.lora_alpha.unwrap_or_default(),
            dropout: self.lora_dropout.unwrap_or_default(),
            target_modules: match (&self.lora_target_modules, self.lora_target_linear) {
                (Some(modules), _) => modules.clone(),
                (None, _) => Target::ALL.into(),
            },
            base_model: Some(self.base_model.display().to_string()),
        })
    }

    fn four_bit(&self) -> FourBit {
        let nested = self.bnb_config_kwargs;
        FourBit {
            bnb_4bit_quant_type: self.bnb_4bit_quant_type.or(nested.bnb_4bit_quant_type),
            bnb_4bit_use_double_quant: self.bnb_4bit_use_double_quant.or(nested.bnb_4bit_use_double_quant),
            bnb_4bit_compute_dtype: self.bnb_4bit_compute_dtype.or(nested.bnb_4bit_compute_dtype),
        }
    }

    fn check(&self) -> std::result::Result<(), (&'static str, String)> {
        let require = |holds: bool, key: &'static str, problem: &str| {
            if holds { Ok(()) } else { Err((key, problem.to_owned())) }
        };
        require(!self.datasets.is_empty(), "datasets", "is empty: name at least one folder")?;
        require(!self.train_on_inputs, "train_on_inputs", "must be false: the dataset says what bears loss")?;

        // The adapter and its base.
        require(
            self.load_in_4bit == (self.adapter == Some(Adapter::Qlora)),
            "load_in_4bit",
            "must be true with `adapter: qlora`, and false without",
        )?;
        let four_bit = self.four_bit();
        require(
            four_bit.bnb_4bit_use_double_quant != Some(false),
            "bnb_4bit_use_double_quant",
            "must be true: only double quantisation is supported",
        )?;
        let says = four_bit.bnb_4bit_compute_dtype;
        let agrees = match self.bf16 {
            Switch::Auto => true,
            Switch::On => says != Some(Dtype::Float32),
            Switch::Off => says != Some(Dtype::Bfloat16),
        };
        require(agrees, "bnb_4bit_compute_dtype", "must say the same as `bf16`; leave one of them out")?;
        match self.adapter {
            Some(_) => {
                require(self.lora_r.is_some_and(|r| r > 0), "lora_r", "must be there, and at least 1")?;
                require(
                    self.lora_alpha.is_some_and(|alpha| alpha > 0.0),
                    "lora_alpha",
                    "must be there, above 0",
                )?;
                let dropout = self.lora_dropout.unwrap_or(0.0);
                require((0.0..1.0).contains(&dropout), "lora_dropout", "must be from 0 to below 1")?;
                let some = self.lora_target_modules.as_ref().is_some_and(|modules| !modules.is_empty());
                require(
                    some != (self.lora_target_linear == Some(true)),
                    "lora_target_modules",
                    "must name the matrices to adapt, or `lora_target_linear: true` be set for all of them",
                )?;
            }
            None => {
                let all = [
                    ("lora_r", self.lora_r.is_some()),
                    ("lora_alpha", self.lora_alpha.is_some()),
                    ("lora_dropout", self.lora_dropout.is_some()),
                    ("lora_target_modules", self.lora_target_modules.is_some()),
                    ("lora_target_linear", self.lora_target_linear == Some(true)),
                ];
                for (key, there) in all {
                    require(!there, key, "is for adapters: set `adapter` to qlora or lora, or leave it out")?;
                }
            }
        }

        // Amounts.
        let counts = [
            ("sequence_len", self.sequence_len as f64),
            ("micro_batch_size", self.micro_batch_size as f64),
            ("gradient_accumulation_steps", self.gradient_accumulation_steps as f64),
            ("logging_steps", self.logging_steps as f64),
            ("save_total_limit", self.save_total_limit as f64),
            ("max_steps", self.max_steps.unwrap_or(1) as f64),
        ];
        for (key, count) in counts {
            require(count >= 1.0, key, "must be at least 1")?;
        }
        let positive = [
            ("num_epochs", self.num_epochs),
            ("learning_rate", self.learning_rate),
            ("adam_epsilon", self.adam_epsilon),
            ("eval_steps", self.eval_steps.unwrap_or(1.0)),
            ("save_steps", self.save_steps.unwrap_or(1.0)),
        ];
        for (key, value) in positive {
            require(value > 0.0 && value.is_finite(), key, "must be above 0")?;
        }
        for (key, value) in [("weight_decay", self.weight_decay), ("max_grad_norm", self.max_grad_norm)] {
            require(value >= 0.0 && value.is_finite(), key, "must be 0 or more")?;
        }
        for (key, value) in [("adam_beta1", self.adam_beta1), ("adam_beta2", self.adam_beta2)] {
            require((0.0..1.0).contains(&value), key, "must be from 0 to below 1")?;
        }
        let whole_or_share = [
            ("val_set_size", self.val_set_size),
            ("eval_steps", self.eval_steps.unwrap_or(1.0)),
            ("save_steps", self.save_steps.unwrap_or(1.0)),
        ];
        for (key, value) in whole_or_share {
            let whole = value >= 1.0 && value.fract() == 0.0;
            require((0.0..1.0).contains(&value) || whole, key, "must be a share below 1 or a whole number")?;
        }
        let stable_decay = self.lr_scheduler == Shape::WarmupStableDecay;
        require(
            self.lr_scheduler_kwargs.is_some() == stable_decay,
            "lr_scheduler_kwargs",
            match stable_decay {
                true => "must be there for `warmup_stable_decay`, with at least `num_decay_steps`",
                false => "is for `lr_scheduler: warmup_stable_decay`",
            },
        )?;
        require(
            self.lr_scheduler_kwargs.is_none_or(|kwargs| kwargs.num_decay_steps > 0),
            "lr_scheduler_kwargs.num_decay_steps",
            "must be at least 1",
        )?;
        require(
            self.lr_scheduler_kwargs.is_none_or(|kwargs| (0.0..=1.0).contains(&kwargs.min_lr_ratio)),
            "lr_scheduler_kwargs.min_lr_ratio",
            "must be from 0 to 1",
        )?;
        require(
            (0.0..=1.0).contains(&self.warmup_ratio.unwrap_or(0.0)),
            "warmup_ratio",
            "must be from 0 to 1",
        )?;
        let both = self.warmup_ratio.is_some() && self.warmup_steps.is_some();
        require(!both, "warmup_steps", "says the same as `warmup_ratio`; leave one of them out")
    }
}
