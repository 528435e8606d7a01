//! What stays the same in a whole episode of the persistent policy.

use crate::teachers::knapsack::names::Names;
use crate::teachers::knapsack::solver::Solver;
use crate::teachers::knapsack::task::Task;
use crate::teachers::random::Random;

/// How an episode is played and written.
#[derive(Debug)]
pub struct Style {
    pub names: Names,
    pub rows: Rows,
    pub solver: Solver,
    /// Items in a batch.
    pub batch: usize,
    /// Whether choosing and taking share a block.
    pub take_at_once: bool,
    /// What the helper reports about a batch.
    pub report: Report,
    /// Whether taking and finishing share a block, if the limit of tool calls allows it.
    pub finishes_at_once: bool,
    /// Whether `json` is imported, although it is imported already.
    pub imports_json: bool,
}

/// How inspected items are stored.
#[derive(Clone, Copy, Debug)]
pub enum Rows {
    /// A dict: id -> (class, weight, value).
    Tuples,
    /// A dict: id -> the decoded answer of `inspect`.
    Dicts,
    /// A list of (id, class, weight, value).
    List,
}

/// What the helper reports about a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It returns how many items are known.
    ReturnsCount,
    /// It prints how many items are known.
    PrintsCount,
    /// It also prints how many of them are allowed.
    PrintsAllowed,
}

impl Style {
    /// Draws a style.
    pub fn draw(task: &Task, random: &mut Random) -> Self {
        Self {
            names: Names::draw(random),
            rows: random.pick(&[Rows::Tuples, Rows::Dicts, Rows::List]),
            solver: Solver::draw(random),
            // Two batches fit into a step, so that the first recovery can inspect everything again.
            batch: task.batch(random.between(6, 10)).min((task.calls / 2).max(4)),
            take_at_once: random.pick(&[true, false]) && task.can_choose_and_take(),
            report: random.pick(&[Report::ReturnsCount, Report::PrintsCount, Report::PrintsAllowed]),
            finishes_at_once: random.pick(&[true, false]),
            imports_json: random.pick(&[true, false]),
        }
    }
}
