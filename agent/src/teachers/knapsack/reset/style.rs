//! What stays the same in a whole episode of the reset policy.

use super::row::Form;
use crate::teachers::knapsack::names::Names;
use crate::teachers::knapsack::order::Order;
use crate::teachers::knapsack::solver::Solver;
use crate::teachers::knapsack::task::Task;
use crate::teachers::random::Random;

/// How an episode is played and written.
#[derive(Debug)]
pub struct Style {
    pub names: Names,
    pub solver: Solver,
    pub form: Form,
    /// Items in a batch.
    pub batch: usize,
    /// Whether each block pastes the ids instead of listing them again.
    pub pastes_ids: bool,
    /// Whether a function inspects an item.
    pub has_helper: bool,
    /// Whether each block prints how many items are known and how many of them are allowed.
    pub sums_up: bool,
    /// Whether the choosing block holds all known items and filters them, or only the allowed ones.
    pub copies_all: bool,
    /// Whether choosing and taking share a block.
    pub take_at_once: bool,
    /// Whether taking and finishing share a block, if the limit of tool calls allows it.
    pub finishes_at_once: bool,
    /// Whether `json` is imported, although it is imported already.
    pub imports_json: bool,
}

impl Style {
    /// Draws a style.
    pub fn draw(task: &Task, random: &mut Random) -> Self {
        Self {
            names: Names::draw(random),
            solver: Solver::draw(random),
            form: random.pick(&[Form::Tuples, Form::Entries]),
            batch: task.batch(random.between(4, 6)),
            pastes_ids: random.pick(&[true, false]) || task.order == Order::Given,
            has_helper: random.pick(&[true, false]),
            sums_up: random.pick(&[true, false]),
            copies_all: random.pick(&[true, false]),
            take_at_once: random.pick(&[true, false]) && task.can_choose_and_take(),
            finishes_at_once: random.pick(&[true, false]),
            imports_json: random.pick(&[true, false]),
        }
    }
}
