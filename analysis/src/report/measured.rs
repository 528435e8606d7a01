//! One cell of a task set: its episodes, and what they come to.

use std::collections::BTreeMap;

use proto::interpreter_state::InterpreterState::{self, Persistent, Reset};
use proto::study::Cell;

use crate::results::row::Row;
use crate::stats::describe::{mean, median};
use crate::two_by_two::outcome::Outcome;

/// One cell, over its seeds.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// The adapter's name.
    pub train: &'a str,
    /// The interpreter state at evaluation.
    pub runtime: InterpreterState,
    /// Whether some of its token counts are estimates.
    pub estimated: bool,
    /// The episodes of each seed, in order of seed.
    pub seeds: Vec<(u64, Vec<&'a Row>)>,
}

/// A cell's name.
pub fn label(train: &str, runtime: InterpreterState) -> String {
    format!("{train} → {runtime}")
}

impl<'a> Measured<'a> {
    /// The cell's name.
    pub fn label(&self) -> String {
        label(self.train, self.runtime)
    }

    /// The name of its colour.
    pub fn colour(&self) -> &'static str {
        match (InterpreterState::named(self.train), self.runtime) {
            (Some(Persistent), Persistent) => "pp",
            (Some(Persistent), Reset) => "pr",
            (Some(Reset), Persistent) => "rp",
            (Some(Reset), Reset) => "rr",
            (None, _) if self.train == Cell::BASE => "base",
            (None, _) => "other",
        }
    }

    /// Its place among the cells of a task set: the four cells, then the base, then others.
    pub fn rank(&self) -> (usize, &'a str, InterpreterState) {
        let order = [Persistent.name(), Reset.name(), Cell::BASE];
        let rank = order.iter().position(|train| *train == self.train).unwrap_or(order.len());
        (rank, self.train, self.runtime)
    }

    /// The episodes of all seeds.
    pub fn rows(&self) -> impl Iterator<Item = &'a Row> + '_ {
        self.seeds.iter().flat_map(|(_, rows)| rows.iter().copied())
    }

    /// Number of episodes.
    pub fn episodes(&self) -> usize {
        self.rows().count()
    }

    /// The values of an outcome under these seeds, by task, then seed. None if an episode lacks it.
    pub fn by_task(&self, outcome: Outcome, seeds: &[u64]) -> Option<BTreeMap<&'a str, Vec<f64>>> {
        let mut by_task: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (_, rows) in self.seeds.iter().filter(|(seed, _)| seeds.contains(seed)) {
            for row in rows {
                let value = outcome.value(&row.observation(self.estimated))?;
                by_task.entry(&row.task_id).or_default().push(value);
            }
        }
        Some(by_task)
    }

    /// The values of an outcome under all seeds, by task, then seed. None if an episode lacks it.
    pub fn values(&self, outcome: Outcome) -> Option<Vec<Vec<f64>>> {
        let seeds: Vec<u64> = self.seeds.iter().map(|(seed, _)| *seed).collect();
        Some(self.by_task(outcome, &seeds)?.into_values().collect())
    }
}

/// The mean of a value over rows; none if a row lacks it.
pub fn mean_of<'r>(rows: impl Iterator<Item = &'r Row>, value: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
    mean(&rows.map(value).collect::<Option<Vec<_>>>()?)
}

/// The median of a value over rows; none if a row lacks it.
pub fn median_of<'r>(
    rows: impl Iterator<Item = &'r Row>,
    value: impl Fn(&Row) -> Option<f64>,
) -> Option<f64> {
    median(&rows.map(value).collect::<Option<Vec<_>>>()?)
}
