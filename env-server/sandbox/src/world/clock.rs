//! Virtual time: it moves when it is read and when the guest sleeps, and at no other time.

/// What `time.time()` starts from, in seconds: 2025-01-01T00:00:00Z.
pub const START_SECONDS: u64 = 1_735_689_600;
/// What each reading adds, in nanoseconds.
pub const TICK_NANOS: u64 = 100_000;

/// One interpreter's time since its start.
#[derive(Clone, Default)]
pub struct Clock {
    elapsed_nanos: u64,
}

impl Clock {
    /// Nanoseconds since the start.
    pub fn read(&mut self) -> u64 {
        self.sleep(TICK_NANOS);
        self.elapsed_nanos
    }

    /// The time of day: seconds since 1970, and nanoseconds.
    pub fn time_of_day(&mut self) -> (u64, u32) {
        const SECOND: u64 = 1_000_000_000;
        let nanos = self.read();
        (START_SECONDS + nanos / SECOND, (nanos % SECOND) as u32)
    }

    /// Sleeping takes no time: the clock moves instead.
    pub fn sleep(&mut self, nanos: u64) {
        self.elapsed_nanos = self.elapsed_nanos.saturating_add(nanos);
    }

    /// Sleeps until a moment; at once where it has passed.
    pub fn sleep_until(&mut self, moment: u64) {
        self.elapsed_nanos = self.elapsed_nanos.max(moment);
    }
}
