//! Stopping a running step from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Stops the step that it was given to. Clones stop the same step.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

/// Someone stopped the step.
#[derive(Debug, thiserror::Error)]
#[error("the step was stopped")]
pub(crate) struct Stopped;

impl Stop {
    /// Stops the step at a deadline, too.
    pub fn at(deadline: Option<Instant>) -> Self {
        Self { deadline, ..Self::default() }
    }

    /// Asks the step to stop; it does so within some milliseconds of its own time.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether someone has, or the deadline has passed.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
