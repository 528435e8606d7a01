//! How many steps there are, and the learning rate of each, as the Hugging Face `Trainer` has them
//! (`Trainer.set_initial_training_values`, and `transformers/optimization.py`).

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
}

impl Schedule {
    /// Of a training with so many steps an epoch.
    pub fn new(config: &Config, steps_per_epoch: u64) -> Self {
        let epochs = (config.num_epochs * steps_per_epoch as f64).ceil() as u64;
        let steps = config.max_steps.unwrap_or(epochs);
        let share = config.warmup_ratio.map(|ratio| (ratio * steps as f64).ceil() as u64);
        let warmup = config.warmup_steps.or(share).unwrap_or(0);
        Self { steps_per_epoch, steps, warmup, peak: config.learning_rate, shape: config.lr_scheduler }
    }

    /// The learning rate of a step; the first is number zero, and its rate is zero where there is a warm-up.
    pub fn learning_rate(&self, step: u64) -> f64 {
        if step < self.warmup {
            return self.peak * step as f64 / self.warmup as f64;
        }
        let rest = self.steps.saturating_sub(self.warmup).max(1);
        let progress = (step - self.warmup) as f64 / rest as f64;
        let factor = match self.shape {
            Shape::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            Shape::Linear => 1.0 - progress,
            Shape::Constant => 1.0,
        };
        self.peak * factor.max(0.0)
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
