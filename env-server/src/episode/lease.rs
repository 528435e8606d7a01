//! How long an episode lives untouched.

use std::time::{Duration, Instant};

use crate::error::Violation;

/// The longest lease that a request may ask for.
pub const MAX_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// An episode's lease. Every call on the episode renews it.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    duration: Duration,
    touched: Instant,
}

/// The duration in force where a request asks for `asked`.
///
/// # Errors
/// A violation if it is not between a second and a day.
pub fn duration(asked: Option<Duration>, default: Duration) -> Result<Duration, Violation> {
    match asked {
        None => Ok(default),
        Some(asked) if (Duration::from_secs(1)..=MAX_LEASE).contains(&asked) => Ok(asked),
        Some(_) => Err(Violation::new("lease", "must be between 1 s and 24 h")),
    }
}

impl Lease {
    /// A lease that begins now.
    pub fn new(duration: Duration) -> Self {
        Self { duration, touched: Instant::now() }
    }

    /// How long it lasts from a renewal.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How much of it is left now.
    pub fn left(&self) -> Duration {
        self.duration.saturating_sub(self.touched.elapsed())
    }

    /// Begins it again.
    pub fn renew(&mut self) {
        self.touched = Instant::now();
    }

    /// Whether it has run out.
    pub fn expired(&self, now: Instant) -> bool {
        self.untouched(now) > self.duration
    }

    /// The time since the last call on the episode.
    pub fn untouched(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.touched)
    }
}
