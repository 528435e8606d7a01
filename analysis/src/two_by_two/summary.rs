//! The means of one cell.

use std::collections::BTreeMap;

use serde::Serialize;

use super::cell::Cell;
use super::design::Design;
use super::outcome::{self, Outcome};
use crate::stats::bootstrap::Bootstrap;
use crate::stats::interval::Estimate;

/// The means of one cell.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The cell.
    pub cell: Cell,
    /// Number of episodes: tasks times seeds.
    pub episodes: usize,
    /// The mean of each outcome (see [`outcome::estimate`]). An outcome that an episode lacks is left out.
    pub means: BTreeMap<Outcome, Estimate>,
}

impl Summary {
    /// The means of a cell.
    pub fn of(design: &Design, cell: Cell, bootstrap: &Bootstrap) -> Self {
        let means = Outcome::ALL.into_iter().filter_map(|outcome| {
            Some((outcome, outcome::estimate(&design.values(cell, outcome)?, outcome, bootstrap)?))
        });
        Self { cell, episodes: design.tasks.len() * design.seeds, means: means.collect() }
    }
}
