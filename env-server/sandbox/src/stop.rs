//! Stopping a running step from outside, and what it has used until then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Stops the step that it was given to. Clones stop the same step.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    deadline: Option<Instant>,
    fuel_used: Arc<AtomicU64>,
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

    /// The fuel that the step has used: known when it has ended, in whatever way. The steps that were run again to wake its
    /// interpreter are a part of it.
    pub fn fuel_used(&self) -> u64 {
        self.fuel_used.load(Ordering::Relaxed)
    }

    /// Notes fuel that was used.
    pub(crate) fn note_fuel(&self, fuel: u64) {
        self.fuel_used.fetch_add(fuel, Ordering::Relaxed);
    }

    /// Whether someone has, or the deadline has passed.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst) || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
