//! A training: what it came from, and its loss over steps, thinned.

use std::path::Path;

use anyhow::Context as _;
use proto::study::Training;
use proto::training::{self, Line, Record, Values};
use serde::{Deserialize, Serialize};

use super::learning::Learning;
use super::points::Points;

/// One training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// The repeat's seed.
    pub seed: u64,
    /// What is trained, as in [`Training::model`].
    pub model: String,
    /// The phase, as in [`Training::phase`]; empty if there is only one.
    pub phase: String,
    /// Steps done.
    pub steps: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Tokens seen that bear loss.
    pub target_tokens: u64,
    /// Seconds that all steps took.
    pub seconds: f64,
    /// Number of trained parameters.
    pub trained_parameters: u64,
    /// The device and the precision, such as `cpu, bfloat16`.
    pub device: String,
    /// SHA-256 of the weights of the model that it started from.
    pub base_sha256: String,
    /// SHA-256 of each of its datasets.
    pub data_sha256: Vec<String>,
    /// What it measured of the episodes that it played, if it learnt from such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning: Option<Learning>,
    /// The loss in nats per token. Each point is the mean over a group of consecutive steps, at the group's
    /// last step.
    pub loss: Points,
    /// The loss on held-out samples, in nats per token.
    pub eval_loss: Points,
}

impl Curve {
    /// Reads the folder of a training that `trainer train` or `trainer grpo` wrote.
    ///
    /// # Errors
    /// If its record or its metrics cannot be read; the message names the file, and the line of the metrics.
    pub fn read(listed: &Training, folder: &Path) -> anyhow::Result<Self> {
        let record: Record = files::read_json(&folder.join(training::RECORD))?;
        let path = folder.join(training::METRICS);
        let text = files::read_text(&path)?;
        let line = |(index, line): (usize, &str)| {
            serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), index + 1))
        };
        let lines = text.lines().enumerate().map(line).collect::<anyhow::Result<Vec<Line>>>()?;
        let points = |value: fn(&Line) -> Option<f64>| {
            Points::thinned(lines.iter().filter_map(|line| Some((line.step, value(line)?))).collect())
        };
        Ok(Self {
            seed: listed.seed,
            model: listed.model.clone(),
            phase: listed.phase.clone(),
            steps: record.position.step,
            tokens: record.position.tokens,
            target_tokens: record.position.target_tokens,
            seconds: record.position.seconds,
            trained_parameters: record.trained_parameters as u64,
            device: format!("{}, {}", record.device, record.compute),
            base_sha256: record.base_model.sha256,
            data_sha256: record.datasets.into_iter().map(|input| input.sha256).collect(),
            learning: Learning::of(&lines),
            loss: points(|line| match line.values {
                Values::Step { loss, .. } => Some(loss),
                Values::Evaluation { .. } | Values::Episodes { .. } => None,
            }),
            eval_loss: points(|line| match line.values {
                Values::Evaluation { eval_loss } => Some(eval_loss),
                Values::Step { .. } | Values::Episodes { .. } => None,
            }),
        })
    }
}
