//! The training config: one YAML file with Axolotl's keys, parsed once into typed values.
//!
//! Keys mean what they mean to Axolotl (<https://docs.axolotl.ai/docs/config-reference.html>) and to the
//! Hugging Face `Trainer` that it configures. Defaults are theirs, too, except where the documentation of a
//! key says otherwise. `train_configs/README.md` lists all keys.
//!
//! | file      | what it holds                                       |
//! |-----------|-----------------------------------------------------|
//! | `values`  | the types of keys whose values are words or objects |
//! | `readers` | readers of numbers that must be within bounds       |
//! | `grpo`    | the keys of reinforcement learning                  |
//! | `check`   | rules that concern several keys                     |
//! | `keys`    | what each key does, Axolotl's other ones, too       |
//! | `sift`    | leaves out and refuses Axolotl's other keys         |
//! | `derived` | what follows from the keys                          |
//! | `explain` | what a config will do, in words                     |

mod check;
mod derived;
mod explain;
mod grpo;
pub mod keys;
mod readers;
mod sift;
mod values;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fields::{Collector, FromJson as _, Problems};
use serde::Serialize;

use self::readers::{
    at_least_one, decay_rate, fraction, interval, limit, modules, optional, positive, recomputation,
    share_or_count, whole_steps, zero_or_more,
};
use crate::lora::Target;
use crate::{Error, Result, model};

pub use grpo::{Branch, LossType, Rl, Rollout, Scale, Trl};
pub use values::{
    Adapter, Data, DecayType, Dtype, FourBit, OptimizerName, QuantType, Shape, StableDecay, Switch,
};

/// A training, in Axolotl's keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Config {
    /// The model to start from: a Hugging Face folder.
    pub base_model: PathBuf,
    /// The training data: folders of `trainer prepare`, concatenated. None with `rl`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<Data>,
    /// The folder of checkpoints, metrics and the result.
    pub output_dir: PathBuf,
    /// The method of reinforcement learning, which learns from episodes instead of `datasets`; `None`: supervised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rl: Option<Rl>,
    /// The settings of that method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trl: Option<Trl>,
    /// The episodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// What to train; `None`: the model itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Adapter>,

    /// Whether the base is held in NF4, which `qlora` needs.
    pub load_in_4bit: bool,
    /// How the base is quantised and computed with; Axolotl nests these three keys here.
    pub bnb_config_kwargs: FourBit,
    /// The data type of the quantised base; the same key as in `bnb_config_kwargs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_quant_type: Option<QuantType>,
    /// Must be true; the same key as in `bnb_config_kwargs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_use_double_quant: Option<bool>,
    /// Must agree with `bf16`; the same key as in `bnb_config_kwargs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bnb_4bit_compute_dtype: Option<Dtype>,
    /// Whether to compute in bf16 instead of f32; `auto`: on a GPU, but not on a CPU, where f32 is faster.
    pub bf16: Switch,

    /// The adapter's rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora_r: Option<i64>,
    /// The adapter's change is scaled by `lora_alpha / lora_r`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora_alpha: Option<f64>,
    /// Whether it is scaled by `lora_alpha / sqrt(lora_r)` instead.
    pub peft_use_rslora: bool,
    /// The share of an adapter's inputs that a step zeroes, 0 to below 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora_dropout: Option<f64>,
    /// The matrices of every layer that are adapted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora_target_modules: Option<BTreeSet<Target>>,
    /// Whether all matrices of every layer are adapted, whatever `lora_target_modules` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora_target_linear: Option<bool>,

    /// The longest sample, and the longest sequence that samples are packed into, in tokens. With `rl` it is the context: most
    /// tokens of an episode's prompt and answer together.
    pub sequence_len: usize,
    /// Whether several samples share a sequence.
    pub sample_packing: bool,
    /// Must be false: the dataset says which tokens bear loss.
    pub train_on_inputs: bool,
    /// Samples, or with `rl` tasks, that are held out for evaluation: below 1 a share, otherwise a number.
    pub val_set_size: f64,

    /// Sequences per pass. With `rl`, rollouts: a step has as many as its passes have together.
    pub micro_batch_size: usize,
    /// Passes per step.
    pub gradient_accumulation_steps: usize,
    /// Passes over all samples.
    pub num_epochs: f64,
    /// Number of steps; overrides `num_epochs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// Whether activations are recomputed in the backward pass: slower, in less memory.
    pub gradient_checkpointing: bool,
    /// Seed of the adapter's initialisation, the order of samples, and dropout.
    pub seed: u64,

    /// AdamW for everything, or Muon for matrices and AdamW for the rest; one learning rate for both.
    pub optimizer: OptimizerName,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// The shape of the learning rate after the warm-up.
    pub lr_scheduler: Shape,
    /// The arguments of `warmup_stable_decay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_scheduler_kwargs: Option<StableDecay>,
    /// What `cosine` falls to, as a share of the highest learning rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine_min_lr_ratio: Option<f64>,
    /// The share of all steps after which `cosine` has reached that; `None`: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine_constant_lr_ratio: Option<f64>,
    /// The share of all steps in which the learning rate rises; rounded up to whole steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_ratio: Option<f64>,
    /// The number of steps in which the learning rate rises.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// Decoupled weight decay. With AdamW norms are exempt; with Muon everything that AdamW trains is exempt,
    /// unlike in Axolotl.
    pub weight_decay: f64,
    /// Decay rate of the first-moment estimate.
    pub adam_beta1: f64,
    /// Decay rate of the second-moment estimate.
    pub adam_beta2: f64,
    /// Added to the root of the second-moment estimate.
    pub adam_epsilon: f64,
    /// The largest norm of the gradient; larger gradients are clipped to it. 0: no clipping.
    pub max_grad_norm: f64,

    /// Steps between two lines of metrics.
    pub logging_steps: u64,
    /// Steps between two evaluations, below 1 as a share of all steps; `None`: once per epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_steps: Option<f64>,
    /// Evaluations of an epoch, instead of `eval_steps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evals_per_epoch: Option<u64>,
    /// Whether there is an evaluation before the first step.
    pub eval_on_start: bool,
    /// Steps between two checkpoints, below 1 as a share of all steps; `None`: once per epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_steps: Option<f64>,
    /// Checkpoints of an epoch, instead of `save_steps`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saves_per_epoch: Option<u64>,
    /// Number of checkpoints that are kept.
    pub save_total_limit: usize,
}

fields::object! {
    Config {
        base_model: required,
        datasets: or_default,
        output_dir: required,
        rl: or_default,
        trl: or_default,
        rollout: or_default,
        adapter: or_default,
        load_in_4bit: or(false),
        bnb_config_kwargs: or_default,
        bnb_4bit_quant_type: or_default,
        bnb_4bit_use_double_quant: or_default,
        bnb_4bit_compute_dtype: or_default,
        bf16: or_default,
        lora_r: or_default,
        lora_alpha: or_default,
        peft_use_rslora: or(false),
        lora_dropout: or_default,
        lora_target_modules: or_as(None, optional(modules)),
        lora_target_linear: or_default,
        sequence_len: required_as(at_least_one),
        sample_packing: or(false),
        train_on_inputs: or(false),
        val_set_size: or_as(0.0, share_or_count),
        micro_batch_size: or_as(1, at_least_one),
        gradient_accumulation_steps: or_as(1, at_least_one),
        num_epochs: or_as(1.0, positive),
        max_steps: or_as(None, limit),
        gradient_checkpointing: or_as(false, recomputation),
        seed: or(42),
        optimizer: or_default,
        learning_rate: required_as(positive),
        lr_scheduler: or_default,
        lr_scheduler_kwargs: or_default,
        cosine_min_lr_ratio: or_as(None, optional(fraction)),
        cosine_constant_lr_ratio: or_as(None, optional(fraction)),
        warmup_ratio: or_as(None, optional(fraction)),
        warmup_steps: or_as(None, optional(whole_steps)),
        weight_decay: or_as(0.0, zero_or_more),
        adam_beta1: or_as(0.9, decay_rate),
        adam_beta2: or_as(0.999, decay_rate),
        adam_epsilon: or_as(1e-8, positive),
        max_grad_norm: or_as(1.0, zero_or_more),
        logging_steps: or_as(1, at_least_one),
        eval_steps: or_as(None, optional(interval)),
        evals_per_epoch: or_as(None, optional(at_least_one)),
        eval_on_start: or(false),
        save_steps: or_as(None, optional(interval)),
        saves_per_epoch: or_as(None, optional(at_least_one)),
        save_total_limit: or_as(4, at_least_one),
    }
}

/// What a training learns from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Prepared samples.
    Samples,
    /// Episodes that it plays.
    Episodes,
}

impl Config {
    /// Reads and checks a config.
    ///
    /// # Errors
    /// [`Error::Config`] with every problem, each naming its key.
    pub fn read(path: &Path) -> Result<Self> {
        let yaml = std::fs::read_to_string(path).map_err(Error::file(path))?;
        let config = Self::parse(&yaml).map_err(|problems| Error::Config { path: path.into(), problems })?;
        // --restart deletes from the output folder, which must not delete an input.
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

    /// Checks that the config, which was read from `path`, is of this method.
    ///
    /// # Errors
    /// [`Error::Key`], with the command that is for it.
    pub fn check_method(&self, method: Method, path: &Path) -> Result<()> {
        match (method, self.rl) {
            (Method::Samples, Some(_)) => {
                Err(Error::key(path, "rl", "is set: `trainer grpo` learns from episodes"))
            }
            (Method::Episodes, None) => {
                Err(Error::key(path, "rl", "must be `grpo`; `trainer train` learns from samples"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the base is a model that can be trained, by its `config.json`.
    ///
    /// # Errors
    /// As when the training reads it.
    pub fn check_base(&self) -> Result<()> {
        model::Config::read(&self.base_model.join(model::folder::CONFIG)).map(drop)
    }

    fn parse(yaml: &str) -> std::result::Result<Self, Problems> {
        let collector = Collector::default();
        let document = sift::sift(fields::from_yaml(yaml)?, &collector.root());
        let config = Self::from_json(&document, &collector.root());
        if let Some(config) = &config {
            check::check(config, &collector.root());
        }
        collector.finish(config)
    }
}
