//! The number of steps, and the learning rate of each, as in the Hugging Face `Trainer`
//! (`Trainer.set_initial_training_values`, and `transformers/optimization.py`); a cosine
//! that does not fall to zero is as in Axolotl (`axolotl/utils/schedulers.py`).

use std::f64::consts::PI;

use super::config::{Config, DecayType, Shape, StableDecay};

/// The steps of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Steps of an epoch; the last one may have fewer passes.
    pub steps_per_epoch: u64,
    /// Steps of the whole training.
    pub steps: u64,
    warmup: u64,
    peak: f64,
    shape: Shape,
    stable_decay: Option<StableDecay>,
    /// What a cosine falls to, as a share of the peak.
    cosine_least: f64,
    /// The step at which a cosine has fallen to that.
    cosine_end: u64,
}

impl Schedule {
    /// The schedule of a training whose epochs have this number of steps.
    pub fn new(config: &Config, steps_per_epoch: u64) -> Self {
        let epochs = (config.num_epochs * steps_per_epoch as f64).ceil() as u64;
        let steps = config.max_steps.unwrap_or(epochs);
        let share = config.warmup_ratio.map(|ratio| (ratio * steps as f64).ceil() as u64);
        let warmup = config.warmup_steps.filter(|steps| *steps > 0).or(share).unwrap_or(0);
        let cosine_end = config.cosine_constant_lr_ratio.map(|ratio| (ratio * steps as f64) as u64);
        Self {
            steps_per_epoch,
            steps,
            warmup,
            peak: config.learning_rate,
            shape: config.lr_scheduler,
            stable_decay: config.lr_scheduler_kwargs,
            cosine_least: config.cosine_min_lr_ratio.unwrap_or(0.0),
            cosine_end: cosine_end.unwrap_or(steps),
        }
    }

    /// The learning rate of a step, counted from zero. The warm-up of `warmup_stable_decay` begins with its lowest learning
    /// rate, and those of the other shapes with zero.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let least = self.stable_decay.map_or(0.0, |decay| decay.min_lr_ratio);
        let (share, least) = match step.checked_sub(self.warmup) {
            None => (step as f64 / self.warmup as f64, least),
            Some(step) => (self.decay(step), least.max(self.cosine_least)),
        };
        self.peak * (share * (1.0 - least) + least)
    }

    /// The decay factor, from one to zero, `step` steps after the warm-up.
    fn decay(&self, step: u64) -> f64 {
        let rest = self.steps as f64 - self.warmup as f64;
        let (shape, stable, length) = match (self.shape, self.stable_decay) {
            (Shape::Cosine, _) => (DecayType::Cosine, 0.0, self.cosine_end as f64 - self.warmup as f64),
            (Shape::Linear, _) => (DecayType::Linear, 0.0, rest),
            (Shape::WarmupStableDecay, Some(decay)) => {
                let length = decay.num_decay_steps as f64;
                let stable = decay.num_stable_steps.map_or(rest - length, |steps| steps as f64);
                (decay.decay_type, stable, length)
            }
            (Shape::Constant | Shape::WarmupStableDecay, _) => return 1.0,
        };
        let progress = ((step as f64 - stable) / length.max(1.0)).clamp(0.0, 1.0);
        match shape {
            DecayType::Cosine => 0.5 * (1.0 + (PI * progress).cos()),
            DecayType::Linear => 1.0 - progress,
            DecayType::OneMinusRoot => 1.0 - progress.sqrt(),
        }
    }

    /// The number of steps between two events, from a value of `eval_steps` or `save_steps`: a number, a
    /// share of all steps, or `None` for an epoch.
    pub fn interval(&self, steps: Option<f64>) -> u64 {
        match steps {
            None => self.steps_per_epoch,
            Some(share) if share < 1.0 => (share * self.steps as f64).ceil() as u64,
            Some(number) => number as u64,
        }
    }
}
