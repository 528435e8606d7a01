//! The numbers of one cell, read from the files that the spec names.

use anyhow::{Context as _, bail};
use files::read_json;
use proto::run::{MetricSummary, Summary};
use serde::Deserialize as _;

use super::spec::{CellSpec, Spec};
use crate::scores::Scores;
use crate::stats::bootstrap::Bootstrap;

/// The numbers of one cell.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Mean score in percent.
    pub score: f64,
    /// Half the width of the score's 95 % interval, in percentage points.
    pub half_width: Option<f64>,
    /// Number of tasks solved.
    pub solved: u64,
    /// Number of tasks executed.
    pub executed: u64,
    /// Mean steps per episode.
    pub steps: f64,
    /// Mean tokens per episode.
    pub tokens: f64,
    /// Mean seconds per episode.
    pub seconds: f64,
}

impl Cell {
    pub(super) fn read(
        spec: &Spec,
        index: usize,
        cell: &CellSpec,
        bootstrap: &Bootstrap,
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let at = |key: &str| format!("{}: cells[{index}].{key}", spec.file.display());
        let path = spec.resolve(&cell.path);
        let summary: Summary = read_json(&path).with_context(|| at("path"))?;
        let raw_score = match (cell.score_override, summary.metrics.get("score")) {
            (Some(score), _) => score,
            (None, Some(metric)) => {
                let metric = MetricSummary::deserialize(metric)
                    .with_context(|| format!("{}: metrics.score", path.display()))
                    .with_context(|| at("path"))?;
                metric.mean
            }
            (None, None) => bail!(
                "{}: {}: metrics.score is missing; give score_override, or a summary that has it",
                at("path"),
                path.display()
            ),
        };
        let half_width = match &cell.metrics_path {
            None => None,
            Some(folder) => {
                let scores = Scores::read(&spec.resolve(folder), None, warnings)
                    .with_context(|| at("metrics_path"))?;
                let scores: Vec<f64> = scores.by_task.values().map(|score| score.score).collect();
                let factor = spec.score_scale.factor(scores.iter().copied().fold(0.0, f64::max));
                bootstrap.mean_interval(&scores).map(|interval| factor * interval.half_width())
            }
        };
        Ok(Self {
            score: spec.score_scale.factor(raw_score) * raw_score,
            half_width,
            solved: summary.num_tasks_solved,
            executed: summary.num_tasks_executed,
            steps: summary.average_steps,
            tokens: summary.average_total_tokens,
            seconds: summary.average_runtime,
        })
    }

    /// Solved tasks in percent of those executed.
    pub(super) fn solved_percent(&self) -> Option<f64> {
        (self.executed > 0).then(|| 100.0 * self.solved as f64 / self.executed as f64)
    }

    /// Score (percent) per thousand tokens.
    pub(super) fn score_per_1k_tokens(&self) -> Option<f64> {
        (self.tokens > 0.0).then(|| 1000.0 * self.score / self.tokens)
    }
}
