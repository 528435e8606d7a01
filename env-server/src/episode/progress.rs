//! What an episode has come to, readable while a step runs.

use super::end::{Closed, End};
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

    /// That of an episode whose steps, so many, are in the store.
    pub fn in_store(measure: Measure, taken: u64, end: Option<End>) -> Self {
        Self { history: History::in_store(measure, taken), end, closed: false }
    }

    /// Notes that the episode is closed, which has ended so, and forgets its steps.
    pub fn close(&mut self, end: End) -> Closed {
        self.history.clear();
        let newly = !std::mem::replace(&mut self.closed, true);
        Closed { end, steps: self.history.next(), newly }
    }
}
