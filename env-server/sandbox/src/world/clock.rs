//! Virtual time. It advances only when the guest reads the clock, changes a file or sleeps.

use serde::{Deserialize, Serialize};

/// The time at an interpreter's start, in seconds: 2025-01-01T00:00:00Z.
const START_SECONDS: u64 = 1_735_689_600;
/// The nanoseconds by which each reading advances the clock.
pub const TICK_NANOS: u64 = 100_000;

/// A moment, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Time {
    pub seconds: u64,
    /// Of the second.
    pub nanos: u32,
}

impl Time {
    /// The moment at which every interpreter starts.
    pub const START: Time = Time { seconds: START_SECONDS, nanos: 0 };
}

/// The time since one interpreter's start.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Clock {
    elapsed_nanos: u64,
}

impl Clock {
    /// Nanoseconds since the start.
    pub fn read(&mut self) -> u64 {
        self.sleep(TICK_NANOS);
        self.elapsed_nanos
    }

    /// The time of day.
    pub fn time_of_day(&mut self) -> Time {
        const SECOND: u64 = 1_000_000_000;
        let nanos = self.read();
        Time { seconds: START_SECONDS + nanos / SECOND, nanos: (nanos % SECOND) as u32 }
    }

    /// Advances the clock by `nanos`. No real time passes.
    pub fn sleep(&mut self, nanos: u64) {
        self.elapsed_nanos = self.elapsed_nanos.saturating_add(nanos);
    }

    /// Advances the clock to `moment`, in nanoseconds since the start. A moment in the past has no effect.
    pub fn sleep_until(&mut self, moment: u64) {
        self.elapsed_nanos = self.elapsed_nanos.max(moment);
    }
}
