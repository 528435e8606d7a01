//! What a training learns: the gradient of each step, and the evaluation.
//!
//! An objective knows no optimizer, no checkpoints and no metrics; [`Training`](super::Training) knows no samples and no
//! episodes.

use std::path::Path;

use proto::training::{Input, Played, Policy, Values};

use crate::Result;
use crate::model::Model;

/// What a training learns.
pub trait Objective {
    /// Where the samples or episodes come from. Their hashes must be the same when a training resumes.
    ///
    /// # Errors
    /// If they cannot be read.
    fn inputs(&self) -> Result<Vec<Input>>;

    /// The number of steps of an epoch.
    fn steps_per_epoch(&self) -> u64;

    /// The number of samples or tasks to learn, and of those held out for evaluation.
    fn samples(&self) -> [usize; 2];

    /// Adds the gradient of a step's loss to the model's tensors. Steps count from zero.
    ///
    /// # Errors
    /// If the episodes of the step cannot be played.
    fn backpropagate(&mut self, model: &mut Model, step: u64) -> Result<Gradient>;

    /// Measures the model on what is held out; `None` if nothing is.
    ///
    /// # Errors
    /// If the episodes cannot be played.
    fn evaluate(&mut self, model: &mut Model) -> Result<Option<Values>>;

    /// Saves what the next step needs, besides the trained tensors, into the folder of a checkpoint. `step` is the number of
    /// steps done.
    ///
    /// # Errors
    /// If a file cannot be written.
    fn save(&self, _folder: &Path, _step: u64) -> Result<()> {
        Ok(())
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn load(&mut self, _folder: &Path, _step: u64) -> Result<()> {
        Ok(())
    }
}

/// The result of a step's forward and backward passes.
#[derive(Clone, Debug, Default)]
pub struct Gradient {
    /// Mean over the step's target tokens, in nats, or another objective's value.
    pub loss: f64,
    /// Tokens of the step.
    pub tokens: u64,
    /// Of these, target tokens.
    pub target_tokens: u64,
    /// The policy, if episodes are learnt from.
    pub policy: Option<Policy>,
    /// The episodes that were played for this step, if any.
    pub played: Option<Played>,
}
