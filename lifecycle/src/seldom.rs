//! Messages of what may happen a thousand times a second.

use std::fmt::Arguments;
use std::time::{Duration, Instant};

/// The least time between two messages.
const INTERVAL: Duration = Duration::from_secs(1);

/// Logs one message a second, and how many were left out before it.
#[derive(Debug, Default)]
pub struct Seldom {
    last: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    /// Logs a warning, if there was none within a second.
    pub fn warn(&mut self, message: Arguments<'_>) {
        match self.due(Instant::now()) {
            Some(0) => tracing::warn!("{message}"),
            Some(left_out) => tracing::warn!("{message}; the same {left_out} times since the last message"),
            None => {}
        }
    }

    /// How many messages were left out, if one is due.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            self.left_out += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_a_second_is_due() {
        let start = Instant::now();
        let mut seldom = Seldom::default();
        let due: Vec<_> =
            [0, 1, 999, 1000, 1500, 5000].map(|ms| seldom.due(start + Duration::from_millis(ms))).into();
        assert_eq!(due, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
