//! A server that failed gets nothing for a while, if another one can take it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The rest of one of several servers, after it failed.
#[derive(Debug, Default)]
pub struct Rest {
    until: Mutex<Option<Instant>>,
}

impl Rest {
    /// How long a server rests.
    pub const LENGTH: Duration = Duration::from_secs(5);

    /// Begins it, or begins it again. Returns whether the server did not rest before.
    pub fn begin(&self) -> bool {
        let now = Instant::now();
        let before = self.until().replace(now + Self::LENGTH);
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
