//! What stays the same in a whole episode of a terse policy.

use crate::teachers::knapsack::task::Task;
use crate::teachers::random::Random;

/// Names and sizes of an episode's code.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// All item ids.
    pub ids: &'static str,
    /// The inspected items: position, weight, value, class.
    pub rows: &'static str,
    /// The function that inspects.
    pub helper: &'static str,
    /// Positions of the items to take.
    pub chosen: &'static str,
    /// Items in a batch.
    pub batch: usize,
    /// How many items a block can take, with one tool call left for listing them.
    pub taken: usize,
}

impl Style {
    /// Draws a style.
    pub fn draw(task: &Task, random: &mut Random) -> Self {
        let taken = task.calls.saturating_sub(1).max(1);
        Self { batch: random.between(2, 3).min(taken), ..Self::names(taken, random) }
    }

    /// Draws names only, for blocks that inspect nothing.
    pub fn names(taken: usize, random: &mut Random) -> Self {
        Self {
            ids: random.pick(&["ids", "items"]),
            rows: random.pick(&["rows", "data"]),
            helper: random.pick(&["look", "scan"]),
            chosen: random.pick(&["chosen", "picked"]),
            batch: 0,
            taken,
        }
    }
}
