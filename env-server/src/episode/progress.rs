//! What an episode has come to, readable while a step runs.

use super::end::End;
use super::history::{History, Measure};

/// The steps that were taken, and how the episode ended.
#[derive(Clone)]
pub struct Progress {
    /// The steps.
    pub history: History,
    /// How the episode ended, if it has.
    pub end: Option<End>,
    /// Whether it was closed.
    pub closed: bool,
}

impl Progress {
    /// Nothing yet. `measure` says how many bytes a kept step counts as.
    pub fn new(measure: Measure) -> Self {
        Self { history: History::new(measure), end: None, closed: false }
    }
}
