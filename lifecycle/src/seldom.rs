//! Messages of what may happen a thousand times a second.

use std::fmt::Arguments;
use std::time::{Duration, Instant};

/// Logs one message in an interval, and how many were left out before it. The interval is a second unless it is given.
#[derive(Debug)]
pub struct Seldom {
    interval: Duration,
    last: Option<Instant>,
    left_out: u64,
}

impl Default for Seldom {
    fn default() -> Self {
        Self::every(Duration::from_secs(1))
    }
}

impl Seldom {
    /// With this least time between two messages.
    pub fn every(interval: Duration) -> Self {
        Self { interval, last: None, left_out: 0 }
    }

    /// Logs a warning, if one is due.
    pub fn warn(&mut self, message: Arguments<'_>) {
        self.tell(message, |message| tracing::warn!("{message}"));
    }

    /// Says this by `say`, if a message is due.
    pub fn tell(&mut self, message: Arguments<'_>, say: impl Fn(Arguments<'_>)) {
        match self.due(Instant::now()) {
            Some(0) => say(message),
            Some(left_out) => {
                say(format_args!("{message}; the same {left_out} times since the last message"));
            }
            None => {}
        }
    }

    /// How many messages were left out, if one is due.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < self.interval) {
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
