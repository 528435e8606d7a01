//! Each cell by itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    cell::Cell,
    design::Design,
    outcome::{self, Outcome},
};
use crate::stats::{bootstrap::Bootstrap, describe::mean, interval::Estimate};

/// The numbers of one cell.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Which.
    pub cell: Cell,
    /// Tasks times seeds.
    pub episodes: usize,
    /// Means over its episodes. The interval of a share is Wilson's, of others that of the
    /// bootstrap over tasks. An outcome that an episode lacks is left out.
    pub means: BTreeMap<Outcome, Estimate>,
}

impl Summary {
    /// Of a cell.
    pub fn of(design: &Design, cell: Cell, bootstrap: &Bootstrap) -> Self {
        let means = Outcome::ALL.into_iter().filter_map(|outcome| {
            let values = design.values(cell, outcome)?;
            let estimate = if outcome.is_share() {
                let share = outcome::share(&values)?;
                Estimate { value: share.share, interval: Some(share.wilson(bootstrap.level)) }
            } else {
                let by_task: Vec<f64> = values.iter().filter_map(|seeds| mean(seeds)).collect();
                Estimate { value: mean(&by_task)?, interval: bootstrap.mean_interval(&by_task) }
            };
            Some((outcome, estimate))
        });
        Self { cell, episodes: design.tasks.len() * design.seeds, means: means.collect() }
    }
}
