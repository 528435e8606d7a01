//! All of it, as it goes into a file.

use serde::Serialize;

use super::cell::Cell;
use super::comparison::Comparison;
use super::contrast::Contrast;
use super::design::{Design, Run};
use super::outcome::Outcome;
use super::summary::Summary;
use crate::stats::bootstrap::Bootstrap;
use crate::stats::holm;
use crate::stats::wilcoxon::Zeros;

/// Version of the report's file.
const SCHEMA: &str = "runtime_gym.two_by_two.v1";

/// How to compute.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Options {
    /// Resamples of the bootstrap.
    pub resamples: usize,
    /// Its seed.
    pub seed: u64,
    /// Of every interval.
    pub level: f64,
    /// Of the detectable differences.
    pub alpha: f64,
    /// Of the detectable differences.
    pub power: f64,
    /// What the signed-rank test does with tasks that do not differ.
    pub zeros: Zeros,
}

impl Default for Options {
    /// 95 % intervals, 5,000 resamples.
    fn default() -> Self {
        Self { resamples: 5_000, seed: 3407, level: 0.95, alpha: 0.05, power: 0.8, zeros: Zeros::Drop }
    }
}

impl Options {
    /// The bootstrap of every interval that is not of a share or an odds ratio.
    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: self.resamples, level: self.level, seed: self.seed }
    }
}

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `runtime_gym.two_by_two.v1`.
    pub schema_version: &'static str,
    /// Version of this program.
    pub analysis: &'static str,
    /// How it was computed.
    pub options: Options,
    /// The tasks' family.
    pub family: String,
    /// Tasks in each cell.
    pub tasks: usize,
    /// Tasks left out because some run lacks them.
    pub left_out: Vec<String>,
    /// Runs in each cell.
    pub seeds: usize,
    /// Token counts are estimates, at least in part.
    pub tokens_estimated: bool,
    /// The runs, by cell, then seed.
    pub runs: Vec<Run>,
    /// Each cell by itself.
    pub cells: Vec<Summary>,
    /// Every test: one family for Holm's correction.
    pub comparisons: Vec<Comparison>,
}

impl Report {
    /// Of paired runs. An outcome that some episode lacks becomes a warning.
    pub fn of(design: Design, options: Options, warnings: &mut Vec<String>) -> Self {
        let outcomes = design.outcomes();
        for outcome in Outcome::ALL.iter().filter(|outcome| !outcomes.contains(outcome)) {
            warnings.push(format!(
                "{}: not compared, because it is unknown of some episode (no trace, or one without it)",
                outcome.title()
            ));
        }
        let tests = outcomes.len() * Contrast::ALL.len();
        let mut comparisons: Vec<Comparison> = outcomes
            .iter()
            .flat_map(|outcome| Contrast::ALL.iter().map(move |contrast| (*outcome, contrast)))
            .filter_map(|(outcome, contrast)| Comparison::of(&design, outcome, contrast, &options, tests))
            .collect();
        let p_values: Vec<f64> = comparisons.iter().map(|comparison| comparison.p_value).collect();
        for (comparison, p_holm) in comparisons.iter_mut().zip(holm::adjust(&p_values)) {
            comparison.p_holm = p_holm;
        }
        let cells = Cell::ALL.map(|cell| Summary::of(&design, cell, &options.bootstrap()));
        Self {
            schema_version: SCHEMA,
            analysis: env!("CARGO_PKG_VERSION"),
            options,
            tokens_estimated: design.tokens_estimated(),
            family: design.family,
            tasks: design.tasks.len(),
            left_out: design.left_out,
            seeds: design.seeds,
            runs: design.runs,
            cells: cells.into(),
            comparisons,
        }
    }
}
