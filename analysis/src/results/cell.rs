//! The evaluation episodes of one cell, and the tasks that they are of.

use std::collections::BTreeMap;

use proto::study::Cell;
use proto::trace::Versions;
use serde::{Deserialize, Serialize};

use super::row::{self, Row};

/// One run of evaluation episodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellResults {
    /// The cell.
    pub cell: Cell,
    /// The versions that made its episodes; several if they were not all made by the same ones.
    pub versions: Vec<Versions>,
    /// Whether token counts are estimates.
    pub tokens_estimated: bool,
    /// Number of episodes that have no row: they failed, were not evaluated, or could not be read.
    pub left_out: usize,
    /// Every episode that has an evaluation, by task.
    #[serde(with = "row")]
    pub episodes: Vec<Row>,
}

/// The tasks of one family in one task set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSet {
    /// The task set's name, as in [`Cell::tasks`].
    pub name: String,
    /// The family.
    pub family: String,
    /// A digest of each task's text, by the task's id: the same id may be another task in another study.
    /// Empty if no trace has the text.
    pub tasks: BTreeMap<String, String>,
}

/// Whether two digests of [`TaskSet::tasks`] are of different tasks. An empty digest may be of any task.
pub fn is_another(digest: &str, other: &str) -> bool {
    !digest.is_empty() && !other.is_empty() && digest != other
}
