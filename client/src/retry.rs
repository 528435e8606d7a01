//! Which failed calls are worth another attempt, and how long to wait before it.

use std::error::Error as _;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tonic::{Code, Status};

/// How often, and after how long, a call is repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Wait before the second attempt; it doubles with each further attempt.
    pub base: Duration,
    /// Longest wait, without the jitter.
    pub max: Duration,
    /// At most this much is added to each wait, at random: clients that failed together do not return together.
    pub jitter: Duration,
    /// How long one attempt may take. A step may take its wall-clock limit in addition.
    pub deadline: Duration,
}

impl Default for Retry {
    /// About twenty seconds of waiting in all: enough for a server to be restarted.
    fn default() -> Self {
        Self {
            attempts: 10,
            base: Duration::from_millis(75),
            max: Duration::from_secs(4),
            jitter: Duration::from_millis(250),
            deadline: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// Whether another attempt may follow this one (0 is the first).
    pub fn allows_another(&self, attempt: u32) -> bool {
        attempt.saturating_add(1) < self.attempts
    }

    /// The wait after an attempt (0 is the first).
    pub fn wait(&self, attempt: u32) -> Duration {
        let doubled = self.base.saturating_mul(2u32.saturating_pow(attempt)).min(self.max);
        doubled + self.jitter.mul_f64(random_share())
    }

    /// The wait after an attempt that failed with `status`: at least as long as the server asks for in its `RetryInfo`.
    pub fn wait_after(&self, attempt: u32, status: &Status) -> Duration {
        crate::retry_after(status).map_or(self.wait(attempt), |asked| self.wait(attempt).max(asked))
    }
}

/// Whether the server could not be reached: no connection, a lost one, or no answer in time. A status that the server
/// sent has no source; one that the transport made from an error of its own has, whatever its code.
pub fn is_unreachable(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => true,
        Code::Unknown | Code::Cancelled | Code::Internal => status.source().is_some(),
        _ => false,
    }
}

/// A random number from 0 to 1. The standard library's hash maps are seeded by the operating system, which is random
/// enough for waiting.
fn random_share() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let [base, max] = [0.5, 3.0].map(Duration::from_secs_f64);
        let retry = Retry { base, max, jitter: Duration::ZERO, ..Retry::default() };
        let waits: Vec<f64> = (0..5).map(|attempt| retry.wait(attempt).as_secs_f64()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(retry.wait(u32::MAX).as_secs_f64(), 3.0);
    }
}
