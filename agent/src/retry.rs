//! When a call is made again, and when there is no sense in it.

use std::{
    error::Error as _,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tonic::{Code, Status};

/// How often and how long a call is tried.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Calls in all, the first included.
    pub attempts: u32,
    /// Wait before the second call; it doubles each time.
    pub base: Duration,
    /// Longest wait.
    pub max: Duration,
    /// How long one attempt may take; a step may also take its wall clock.
    pub deadline: Duration,
}

impl Default for Retry {
    /// About twenty seconds of waiting in all: enough for a server to be restarted.
    fn default() -> Self {
        Self {
            attempts: 10,
            base: Duration::from_millis(100),
            max: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// The wait after the given attempt (0 for the first): half of it fixed,
    /// half at random, so that clients which failed together don't come back
    /// together.
    pub fn wait(&self, attempt: u32) -> Duration {
        let full = self.base.saturating_mul(2u32.saturating_pow(attempt)).min(self.max);
        full / 2 + full.mul_f64(random_share() / 2.0)
    }
}

/// Whether nobody can be talked to: no connection, one that was lost, or no
/// answer. A status that the server sent has no source; one that the transport
/// made of an error of its own has, whatever its code.
pub fn is_unreachable(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => true,
        Code::Unknown | Code::Cancelled | Code::Internal => status.source().is_some(),
        _ => false,
    }
}

/// At random, 0 to 1: the standard library's hash maps are seeded by the
/// operating system, and this is all the randomness that waiting needs.
pub fn random_share() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}
