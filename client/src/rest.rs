//! A server that failed gets nothing for a while, if another one can take it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The rest of one of several servers, after it failed.
#[derive(Debug)]
pub struct Rest {
    length: Duration,
    until: Mutex<Option<Instant>>,
}

impl Default for Rest {
    /// A rest of 5 seconds.
    fn default() -> Self {
        Self::of(Duration::from_secs(5))
    }
}

impl Rest {
    /// A rest of this length.
    pub const fn of(length: Duration) -> Self {
        Self { length, until: Mutex::new(None) }
    }

    /// Begins it, or begins it again. Returns whether the server did not rest before.
    pub fn begin(&self) -> bool {
        let now = Instant::now();
        let before = self.until().replace(now + self.length);
        before.is_none_or(|before| before < now)
    }

    /// How much of it is left; zero for a server that does not rest.
    pub fn left(&self) -> Duration {
        self.until().map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
