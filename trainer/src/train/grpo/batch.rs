//! The rollouts of a step as rows to learn from.

use std::path::Path;

use proto::rollout::{Played, Rollout, Sequence};
use serde::{Deserialize, Serialize};

use super::advantage::advantages;
use crate::json::{self, Object};
use crate::train::config::{LossType, Trl};
use crate::{Error, Result};

/// The file of a batch in the folder of a checkpoint.
const FILE: &str = "rollouts.json";

/// What was played, as rows to learn from. One batch serves `num_iterations` steps.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Batch {
    /// The sampling that it is of: the number of batches before it.
    pub sampling: u64,
    /// The rows that have something to teach.
    pub rows: Vec<Row>,
    /// Tokens that the model wrote, in all rollouts.
    pub written: usize,
}

/// A sequence of tokens of one rollout.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Row {
    /// Token ids.
    pub tokens: Vec<i64>,
    /// For each token, whether the model wrote it and learns from it.
    pub targets: Vec<bool>,
    /// The advantage of its rollout.
    pub advantage: f64,
    /// The weight of each target in the loss.
    pub weight: f64,
    /// The log-probability with which the engine drew each target.
    pub drawn: Vec<f32>,
    /// The log-probability of each target to the trainer before the first step on the batch; empty until then.
    pub old: Vec<f32>,
    /// The log-probability of each target to the reference; empty if it is not needed.
    pub reference: Vec<f32>,
}

impl Batch {
    /// The rows of what was played. A rollout that is as good as the mean of its group teaches nothing, and is left out where
    /// there is no divergence to lessen.
    ///
    /// # Errors
    /// If a rollout's tokens are not of a vocabulary of this size, or its parts are not where they can be.
    pub fn new(sampling: u64, played: &Played, trl: &Trl, vocabulary: i64) -> Result<Self> {
        let rollouts = &played.rollouts;
        for (number, rollout) in rollouts.iter().enumerate() {
            check(rollout, vocabulary).map_err(|problem| {
                Error::Agent(format!("rollout {number} of {}: {problem}", rollout.task_id))
            })?;
        }
        let rewards: Vec<f64> = rollouts.iter().map(|rollout| rollout.reward).collect();
        let advantages = advantages(&rewards, &groups(rollouts), trl.scale_rewards);
        let written: usize = rollouts.iter().map(written).sum();
        let weight = |rollout: &Rollout| {
            let count = rollouts.len() as f64;
            match trl.loss_type {
                LossType::Grpo => 1.0 / (count * written_or_one(rollout)),
                LossType::DrGrpo => 1.0 / (count * trl.max_completion_length as f64),
                LossType::Dapo => 1.0 / written as f64,
            }
        };
        let mut rows: Vec<Row> = (rollouts.iter().zip(&advantages))
            .flat_map(|(rollout, advantage)| {
                let weight = weight(rollout);
                rollout.sequences.iter().map(move |sequence| row(sequence, *advantage, weight))
            })
            .collect();
        rows.retain(|row| row.advantage != 0.0 || trl.beta != 0.0);
        Ok(Self { sampling, rows, written })
    }

    /// Saves it into the folder of a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        json::write(&folder.join(FILE), self)
    }

    /// Reads what [`Self::save`] wrote.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let file = Object::read(&path)?;
        serde_json::from_value(file.map.into()).map_err(|reason| Error::Json { path, reason })
    }
}

/// The lengths of the groups of rollouts, which are in order.
pub fn groups(rollouts: &[Rollout]) -> Vec<usize> {
    rollouts.chunk_by(|one, other| one.group == other.group).map(<[_]>::len).collect()
}

/// Tokens that the model wrote in a rollout.
pub fn written(rollout: &Rollout) -> usize {
    rollout.sequences.iter().map(Sequence::written).sum()
}

fn written_or_one(rollout: &Rollout) -> f64 {
    written(rollout).max(1) as f64
}

fn check(rollout: &Rollout, vocabulary: i64) -> std::result::Result<(), String> {
    for sequence in &rollout.sequences {
        sequence.check()?;
        if let Some(id) = sequence.tokens.iter().find(|id| i64::from(**id) >= vocabulary) {
            return Err(format!("token id {id} is not one of the model's {vocabulary}"));
        }
    }
    if !rollout.reward.is_finite() {
        return Err(format!("its reward is {}", rollout.reward));
    }
    Ok(())
}

fn row(sequence: &Sequence, advantage: f64, weight: f64) -> Row {
    let mut targets = vec![false; sequence.tokens.len()];
    let mut drawn = Vec::with_capacity(sequence.written());
    for part in &sequence.written {
        targets[part.start..part.start + part.logprobs.len()].fill(true);
        drawn.extend(&part.logprobs);
    }
    let tokens = sequence.tokens.iter().map(|id| i64::from(*id)).collect();
    Row { tokens, targets, advantage, weight, drawn, ..Row::default() }
}
