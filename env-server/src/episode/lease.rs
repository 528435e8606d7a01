//! How long an episode lives untouched.

use std::time::{Duration, Instant, SystemTime};

use proto::env::v1;

use super::error::Violation;

/// Longest lease a caller may ask for.
const MAX_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// An episode's lease; every call on the episode renews it.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    duration: Duration,
    touched: Instant,
}

impl Lease {
    /// A lease that begins now.
    pub fn new(duration: Duration) -> Self {
        Self { duration, touched: Instant::now() }
    }

    /// The duration a request asks for.
    ///
    /// # Errors
    /// A violation if it is not within a second to a day.
    pub fn duration_from_request(
        asked: Option<prost_types::Duration>,
        default: Duration,
    ) -> Result<Duration, Violation> {
        let Some(asked) = asked else { return Ok(default) };
        Duration::try_from(asked)
            .ok()
            .filter(|duration| (Duration::from_secs(1)..=MAX_LEASE).contains(duration))
            .ok_or_else(|| Violation::new("lease", "must be between 1 s and 24 h"))
    }

    /// How long it is.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Begins it anew.
    pub fn renew(&mut self) {
        self.touched = Instant::now();
    }

    /// Whether nothing touched the episode for the whole lease.
    pub fn expired(&self, now: Instant) -> bool {
        self.untouched(now) > self.duration
    }

    /// How long nothing has touched the episode.
    pub fn untouched(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.touched)
    }

    /// As the protocol says it.
    pub fn to_proto(self) -> v1::Lease {
        let left = self.duration.saturating_sub(self.touched.elapsed());
        v1::Lease {
            duration: self.duration.try_into().ok(),
            expires_at: Some((SystemTime::now() + left).into()),
        }
    }
}
