//! A training run: what it learnt from, and its loss, thinned.

use std::path::Path;

use anyhow::Context as _;
use proto::study::Training;
use serde::{Deserialize, Serialize};

/// At most so many points of a curve are kept.
const POINTS: usize = 200;

/// Files of `trainer train`.
const RECORD: &str = "training.json";
const METRICS: &str = "metrics.jsonl";

/// One training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// The repeat's seed.
    pub seed: u64,
    /// As [`Training::model`].
    pub model: String,
    /// As [`Training::phase`]; empty where there is only one.
    pub phase: String,
    /// Steps done.
    pub steps: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Tokens learnt.
    pub target_tokens: u64,
    /// Seconds that the steps took.
    pub seconds: f64,
    /// Numbers that were trained.
    pub trained_parameters: u64,
    /// What it computed on and in, such as `cpu, bfloat16`.
    pub device: String,
    /// SHA-256 of the weights that it started from.
    pub base_sha256: String,
    /// SHA-256 of each of its datasets.
    pub data_sha256: Vec<String>,
    /// Steps and the loss there, in nats a token: each the mean of as many neighbouring steps.
    pub loss: Points,
    /// Steps and the evaluation's loss there, in nats a token.
    pub eval_loss: Points,
}

/// Values over steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Steps done.
    pub step: Vec<u64>,
    /// The value there.
    pub value: Vec<f64>,
}

/// What is read of the record.
#[derive(Deserialize)]
struct Record {
    base_model: Input,
    datasets: Vec<Input>,
    device: String,
    compute: String,
    trained_parameters: u64,
    position: Position,
}

#[derive(Deserialize)]
struct Input {
    sha256: String,
}

#[derive(Deserialize)]
struct Position {
    step: u64,
    tokens: u64,
    target_tokens: u64,
    seconds: f64,
}

/// What is read of a line of the metrics: of a step, or of an evaluation after it.
#[derive(Deserialize)]
struct Line {
    step: u64,
    loss: Option<f64>,
    eval_loss: Option<f64>,
}

impl Curve {
    /// Of the folder that `trainer train` wrote.
    ///
    /// # Errors
    /// If its record or its metrics cannot be read.
    pub fn read(training: &Training, folder: &Path) -> anyhow::Result<Self> {
        let record: Record = files::read_json(&folder.join(RECORD))?;
        let path = folder.join(METRICS);
        let text = files::read_text(&path)?;
        let line = |(index, line): (usize, &str)| {
            serde_json::from_str(line).with_context(|| format!("{}:{}", path.display(), index + 1))
        };
        let lines = text.lines().enumerate().map(line).collect::<anyhow::Result<Vec<Line>>>()?;
        let points = |value: fn(&Line) -> Option<f64>| {
            Points::thinned(lines.iter().filter_map(|line| Some((line.step, value(line)?))).collect())
        };
        Ok(Self {
            seed: training.seed,
            model: training.model.clone(),
            phase: training.phase.clone(),
            steps: record.position.step,
            tokens: record.position.tokens,
            target_tokens: record.position.target_tokens,
            seconds: record.position.seconds,
            trained_parameters: record.trained_parameters,
            device: format!("{}, {}", record.device, record.compute),
            base_sha256: record.base_model.sha256,
            data_sha256: record.datasets.into_iter().map(|input| input.sha256).collect(),
            loss: points(|line| line.loss),
            eval_loss: points(|line| line.eval_loss),
        })
    }
}

impl Points {
    /// Means of equal groups of neighbours, at most [`POINTS`] of them, at each group's last step; four decimals.
    fn thinned(points: Vec<(u64, f64)>) -> Self {
        let groups = points.chunks(points.len().div_ceil(POINTS).max(1));
        let (step, value) = groups
            .filter_map(|group| {
                let mean = group.iter().map(|(_, value)| value).sum::<f64>() / group.len() as f64;
                Some((group.last()?.0, (mean * 1e4).round() / 1e4))
            })
            .unzip();
        Self { step, value }
    }

    /// Pairs of step and value.
    pub fn pairs(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        self.step.iter().copied().zip(self.value.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_mean_and_its_end() {
        let points = Points::thinned((1..=1_000).map(|step| (step, step as f64)).collect());
        assert_eq!((points.step.len(), points.step.last()), (POINTS, Some(&1_000)));
        assert_eq!(points.value[0], 3.0);
        let few = Points::thinned(vec![(1, 0.5), (2, 0.25)]);
        assert_eq!(few.pairs().collect::<Vec<_>>(), [(1, 0.5), (2, 0.25)]);
        assert_eq!(Points::thinned(Vec::new()), Points::default());
    }
}
