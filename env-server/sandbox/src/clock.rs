//! Virtual time: it moves when it is read and when the guest sleeps, and at no other time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime_wasi::HostWallClock;

/// What `time.time()` starts from: 2025-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_735_689_600);
/// What each reading adds.
const TICK_NANOS: u64 = 100_000;

/// One interpreter's time since its start. Clones show the same time.
#[derive(Clone, Default)]
pub struct VirtualClock {
    elapsed_nanos: Arc<AtomicU64>,
}

impl VirtualClock {
    /// Nanoseconds since the start.
    pub fn read(&self) -> u64 {
        self.sleep(TICK_NANOS);
        self.elapsed_nanos.load(Ordering::Relaxed)
    }

    /// What one reading adds, in nanoseconds.
    pub fn resolution(&self) -> u64 {
        TICK_NANOS
    }

    /// Sleeping takes no time: the clock moves instead.
    pub fn sleep(&self, nanos: u64) {
        // One guest runs at a time, so nobody writes between the load and the store.
        let now = self.elapsed_nanos.load(Ordering::Relaxed);
        self.elapsed_nanos.store(now.saturating_add(nanos), Ordering::Relaxed);
    }

    /// Sleeps until a moment; at once where it has passed.
    pub fn sleep_until(&self, moment: u64) {
        self.elapsed_nanos.fetch_max(moment, Ordering::Relaxed);
    }
}

impl HostWallClock for VirtualClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(TICK_NANOS)
    }

    fn now(&self) -> Duration {
        START + Duration::from_nanos(self.read())
    }
}
