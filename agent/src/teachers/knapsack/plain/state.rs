//! Where an episode of a terse policy stands.

use super::row::Row;
use super::style::Style;
use crate::teachers::conversation::Observation;
use crate::teachers::knapsack::task::Task;
use crate::teachers::text::numbers;

/// What the next block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Inspect the items at positions `from..to`.
    Inspect { from: usize, to: usize },
    /// Find the best set.
    Choose,
    /// Take the chosen items from index `from` on.
    Take { from: usize },
    /// End the episode.
    Finish,
}

/// Where the episode stands, as far as the observations show.
#[derive(Debug)]
pub struct State {
    pub goal: Goal,
    /// Whether an undefined name stopped the last block; the next one defines the names again.
    pub lost: bool,
    /// Rows printed so far.
    pub rows: Vec<Row>,
    /// Positions printed as the best set.
    pub chosen: Vec<usize>,
}

impl State {
    /// The state before the first turn.
    pub fn new(task: &Task, style: &Style) -> Self {
        let to = style.batch.min(task.to_inspect());
        Self { goal: Goal::Inspect { from: 0, to }, lost: false, rows: Vec::new(), chosen: Vec::new() }
    }

    /// Takes in the result of the block for `goal`.
    pub fn observe(&mut self, task: &Task, style: &Style, observation: &Observation) {
        // A block that defined all names again and still missed one can't be repaired.
        self.lost = observation.missing_name().is_some() && !self.lost;
        if self.lost {
            return;
        }
        self.goal = match self.goal {
            _ if observation.error.is_some() => Goal::Finish,
            Goal::Inspect { to, .. } => {
                self.rows.extend(Row::all_in(&observation.output));
                let all = task.to_inspect();
                if to < all {
                    Goal::Inspect { from: to, to: (to + style.batch).min(all) }
                } else {
                    Goal::Choose
                }
            }
            Goal::Choose => {
                self.chosen = numbers(&observation.output);
                if self.chosen.is_empty() { Goal::Finish } else { Goal::Take { from: 0 } }
            }
            Goal::Take { from } if from + style.taken < self.chosen.len() => {
                Goal::Take { from: from + style.taken }
            }
            Goal::Take { .. } | Goal::Finish => Goal::Finish,
        };
    }
}
