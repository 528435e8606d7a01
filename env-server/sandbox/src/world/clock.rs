//! Virtual time. It advances only when the guest reads the clock or sleeps.

/// The time at an interpreter's start, in seconds since 1970: 2025-01-01T00:00:00Z.
pub const START_SECONDS: u64 = 1_735_689_600;
/// The nanoseconds by which each reading advances the clock.
pub const TICK_NANOS: u64 = 100_000;

/// The time since one interpreter's start.
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

    /// The time of day: seconds since 1970, and the nanoseconds of the second.
    pub fn time_of_day(&mut self) -> (u64, u32) {
        const SECOND: u64 = 1_000_000_000;
        let nanos = self.read();
        (START_SECONDS + nanos / SECOND, (nanos % SECOND) as u32)
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
