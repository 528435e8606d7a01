//! Which failed calls are worth another attempt, and how long to wait before it.

use std::error::Error as _;
use std::time::Duration;

use tonic::{Code, ConnectError, Status};

use crate::random;
use crate::status::{reason, retry_after};

/// How often a call is repeated, and how long to wait before each repetition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// The most attempts, the first included.
    pub attempts: u32,
    /// Wait before the second attempt; it doubles with each further attempt.
    pub base: Duration,
    /// The longest wait, without the jitter.
    pub max: Duration,
    /// The most that is added to each wait at random, so that clients which failed together do not return
    /// together.
    pub jitter: Duration,
    /// The deadline of one attempt. A step's wall-clock limit is added to it.
    pub deadline: Duration,
}

impl Default for Retry {
    /// Waits of about 18 seconds in total, enough for a server to restart.
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
        doubled + self.jitter.mul_f64(random::share())
    }

    /// The wait after an attempt that failed with `status`: at least as long as the server asks for in its
    /// `RetryInfo`.
    pub fn wait_after(&self, attempt: u32, status: &Status) -> Duration {
        self.wait_at_least(attempt, retry_after(status))
    }

    /// The wait after an attempt (0 is the first), and at least what the server asked for, if it did.
    pub fn wait_at_least(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        self.wait(attempt).max(asked.unwrap_or_default())
    }
}

/// Whether the server could not be reached: there is no connection, it was lost, or no answer came in time. A
/// status that the server sent has no source; one that the transport made from its own error has a source,
/// whatever its code.
pub fn is_unreachable(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => true,
        Code::Unknown | Code::Cancelled | Code::Internal => status.source().is_some(),
        _ => false,
    }
}

/// Whether a call that failed as [`is_unreachable`] says surely took no effect: it was never sent, since there was no connection,
/// or the server has refused it because it shuts down.
pub fn had_no_effect(status: &Status) -> bool {
    let mut causes = std::iter::successors(status.source(), |&error| error.source());
    let was_not_sent = causes.any(|error| error.is::<ConnectError>());
    was_not_sent || reason(status).as_deref() == Some("SHUTTING_DOWN")
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let [base, max] = [0.5, 3.0].map(Duration::from_secs_f64);
        let retry = Retry { base, max, jitter: Duration::ZERO, ..Retry::default() };
        let waits: Vec<f64> = (0..5).map(|attempt| retry.wait(attempt).as_secs_f64()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(retry.wait(u32::MAX).as_secs_f64(), 3.0);
    }

    #[test]
    fn the_default_outlasts_a_restart_of_the_server() {
        let retry = Retry { jitter: Duration::ZERO, ..Retry::default() };
        let waits =
            (0..).take_while(|&attempt| retry.allows_another(attempt)).map(|attempt| retry.wait(attempt));
        let total: Duration = waits.sum();
        assert_eq!(total, Duration::from_millis(16_725));
        let jitter = Retry::default().jitter * (retry.attempts - 1);
        assert!((17..=20).contains(&(total + jitter / 2).as_secs()), "{total:?} and up to {jitter:?}");
    }

    #[test]
    fn a_wait_is_at_least_as_long_as_the_server_asks_for() {
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_secs(9)));
        let busy = Status::with_error_details(Code::ResourceExhausted, "no place", details);
        let retry = Retry { jitter: Duration::ZERO, ..Retry::default() };
        assert_eq!(retry.wait_after(0, &busy), Duration::from_secs(9));
        assert_eq!(retry.wait_after(0, &Status::unavailable("gone")), retry.wait(0));
    }

    #[test]
    fn what_the_server_sent_is_an_answer_unless_it_is_unavailable() {
        for (code, unreachable) in [
            (Code::Unavailable, true),
            (Code::DeadlineExceeded, true),
            (Code::Internal, false),
            (Code::Unknown, false),
            (Code::NotFound, false),
        ] {
            assert_eq!(is_unreachable(&Status::new(code, "")), unreachable, "{code:?}");
        }
        let reset = std::io::Error::other("connection reset");
        assert!(is_unreachable(&Status::from_error(Box::new(reset))), "the transport's own error");
    }

    #[test]
    fn only_what_was_not_sent_or_was_refused_surely_had_no_effect() {
        let io = || std::io::Error::other("refused");
        assert!(had_no_effect(&Status::from_error(Box::new(ConnectError(Box::new(io()))))));
        assert!(!had_no_effect(&Status::from_error(Box::new(io()))), "it may have been sent");
        assert!(!had_no_effect(&Status::unavailable("the answer was lost")));
        let mut details = ErrorDetails::new();
        details.set_error_info("SHUTTING_DOWN", "runtime-gym", []);
        assert!(had_no_effect(&Status::with_error_details(Code::Unavailable, "", details)));
    }
}
