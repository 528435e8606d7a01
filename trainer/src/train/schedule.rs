//! How many steps there are, and the learning rate of each, as the Hugging Face `Trainer` has them
//! (`Trainer.set_initial_training_values`, and `transformers/optimization.py`).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::Config;

/// How the learning rate goes on after the warm-up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Half a cosine, down to nothing.
    #[default]
    Cosine,
    /// A straight line, down to nothing.
    Linear,
    /// It stays; `constant_with_warmup` to transformers.
    Constant,
    /// It stays for most of the steps, and goes down in the last.
    WarmupStableDecay,
}

/// How the learning rate stays and goes down: the arguments of transformers' `get_wsd_schedule`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StableDecay {
    /// Steps in which it goes down.
    pub num_decay_steps: u64,
    /// Steps in which it stays; none: all but those of the warm-up and of the way down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_stable_steps: Option<u64>,
    /// How it goes down.
    #[serde(default)]
    pub decay_type: DecayType,
    /// Where the warm-up begins, and where it goes down to and then stays, as a share of the peak.
    #[serde(default)]
    pub min_lr_ratio: f64,
}

/// Ways down.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecayType {
    /// Half a cosine.
    #[default]
    Cosine,
    /// A straight line.
    Linear,
    /// One less the root of the way.
    #[serde(rename = "1-sqrt")]
    OneMinusRoot,
}

/// The steps of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Steps that see all samples once; the last may be of fewer passes.
    pub steps_per_epoch: u64,
    /// All steps.
    pub steps: u64,
    warmup: u64,
    peak: f64,
    shape: Shape,
    stable_decay: Option<StableDecay>,
}

impl Schedule {
    /// Of a training with so many steps an epoch.
    pub fn new(config: &Config, steps_per_epoch: u64) -> Self {
        let epochs = (config.num_epochs * steps_per_epoch as f64).ceil() as u64;
        let steps = config.max_steps.unwrap_or(epochs);
        let share = config.warmup_ratio.map(|ratio| (ratio * steps as f64).ceil() as u64);
        let warmup = config.warmup_steps.or(share).unwrap_or(0);
        Self {
            steps_per_epoch,
            steps,
            warmup,
            peak: config.learning_rate,
            shape: config.lr_scheduler,
            stable_decay: config.lr_scheduler_kwargs,
        }
    }

    /// The learning rate of a step, counted from zero. The first one's is the least, where there is a warm-up.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let least = self.stable_decay.map_or(0.0, |decay| decay.min_lr_ratio);
        let share = match step.checked_sub(self.warmup) {
            None => step as f64 / self.warmup as f64,
            Some(step) => self.left(step),
        };
        self.peak * (share * (1.0 - least) + least)
    }

    /// How much is left so many steps after the warm-up: from one down to nothing.
    fn left(&self, step: u64) -> f64 {
        let rest = self.steps as f64 - self.warmup as f64;
        let (way, stays, length) = match (self.shape, self.stable_decay) {
            (Shape::Cosine, _) => (DecayType::Cosine, 0.0, rest),
            (Shape::Linear, _) => (DecayType::Linear, 0.0, rest),
            (Shape::WarmupStableDecay, Some(decay)) => {
                let length = decay.num_decay_steps as f64;
                let stays = decay.num_stable_steps.map_or(rest - length, |steps| steps as f64);
                (decay.decay_type, stays, length)
            }
            (Shape::Constant | Shape::WarmupStableDecay, _) => return 1.0,
        };
        let progress = ((step as f64 - stays) / length.max(1.0)).clamp(0.0, 1.0);
        match way {
            DecayType::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
            DecayType::Linear => 1.0 - progress,
            DecayType::OneMinusRoot => 1.0 - progress.sqrt(),
        }
    }

    /// Steps from one event to the next, from what `eval_steps` or `save_steps` says: a number, or a share of all
    /// steps; none: an epoch.
    pub fn interval(&self, steps: Option<f64>) -> u64 {
        match steps {
            None => self.steps_per_epoch,
            Some(share) if share < 1.0 => (share * self.steps as f64).ceil() as u64,
            Some(number) => number as u64,
        }
    }
}
