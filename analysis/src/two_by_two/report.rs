//! The report, as it is written to a file.

use serde::Serialize;

use super::cell::Cell;
use super::comparison::Comparison;
use super::contrast::Contrast;
use super::design::Design;
use super::options::Options;
use super::outcome::Outcome;
use super::run::Run;
use super::summary::Summary;
use crate::stats::holm;

/// The schema version of the report's file.
const SCHEMA: &str = "runtime_gym.two_by_two.v1";

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `runtime_gym.two_by_two.v1`.
    pub schema_version: &'static str,
    /// The version of this program.
    pub analysis: &'static str,
    /// How it was computed.
    pub options: Options,
    /// The tasks' family.
    pub family: String,
    /// Number of tasks in each cell.
    pub tasks: usize,
    /// Tasks that were left out because some run lacks them.
    pub left_out: Vec<String>,
    /// Number of runs in each cell.
    pub seeds: usize,
    /// Whether some token counts are estimates.
    pub tokens_estimated: bool,
    /// The runs, by cell, then seed.
    pub runs: Vec<Run>,
    /// The means of each cell.
    pub cells: Vec<Summary>,
    /// All tests; they are one family for Holm's correction.
    pub comparisons: Vec<Comparison>,
}

impl Report {
    /// The report on paired runs. An outcome that some episode lacks is left out, with a warning.
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
