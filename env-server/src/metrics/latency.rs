//! How long something takes: quantiles for `GetServerInfo`, and a histogram for Prometheus, fed together.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram as Quantiles;
use prometheus_client::metrics::histogram::{Histogram, NativeHistogramConfig};

/// The highest latency whose quantiles are kept, in microseconds (one hour); longer ones count as this.
const HIGHEST_US: u64 = 3_600_000_000;

/// The upper bounds of the classic buckets, in seconds.
const BUCKETS: [f64; 18] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0,
];
/// How much larger a native bucket's upper bound is than its lower one.
const NATIVE_FACTOR: f64 = 1.1;
/// The most native buckets; beyond it they are made coarser.
const NATIVE_BUCKETS: usize = 160;

/// A histogram of seconds, with classic buckets and native ones.
pub fn histogram() -> Histogram {
    let native = NativeHistogramConfig::new(NATIVE_FACTOR).max_buckets(NATIVE_BUCKETS);
    Histogram::new_classic_and_native(BUCKETS, native)
}

/// Latencies since the server started, in microseconds to three digits. The memory is taken by the first one.
#[derive(Default)]
pub struct Latency(OnceLock<Mutex<Quantiles<u64>>>);

/// Quantiles of latencies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// What took so long.
    pub name: &'static str,
    /// How often.
    pub count: u64,
    /// The mean, in microseconds.
    pub mean_us: f64,
    /// The median, in microseconds.
    pub p50_us: u64,
    /// The quantile 0.9, in microseconds.
    pub p90_us: u64,
    /// The quantile 0.99, in microseconds.
    pub p99_us: u64,
    /// The longest, in microseconds.
    pub max_us: u64,
}

impl Latency {
    /// Counts one.
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(HIGHEST_US).clamp(1, HIGHEST_US);
        let quantiles = self.0.get_or_init(|| {
            Mutex::new(
                Quantiles::new_with_bounds(1, HIGHEST_US, 3).expect("the bounds are constants that fit"),
            )
        });
        quantiles.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros);
    }

    /// The quantiles; `None` if nothing was counted.
    pub fn summary(&self, name: &'static str) -> Option<Summary> {
        let quantiles = self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Summary::of(&quantiles, name))
    }

    /// What was counted so far.
    fn copy(&self) -> Option<Quantiles<u64>> {
        Some(self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Summary {
    fn of(quantiles: &Quantiles<u64>, name: &'static str) -> Self {
        Self {
            name,
            count: quantiles.len(),
            mean_us: quantiles.mean(),
            p50_us: quantiles.value_at_quantile(0.50),
            p90_us: quantiles.value_at_quantile(0.90),
            p99_us: quantiles.value_at_quantile(0.99),
            max_us: quantiles.max(),
        }
    }
}

/// Latencies from one look to the next.
#[derive(Default)]
pub struct Recent(Option<Quantiles<u64>>);

impl Recent {
    /// The quantiles of what was counted since the last look; `None` if nothing was. The first look is at everything.
    pub fn look(&mut self, latency: &Latency, name: &'static str) -> Option<Summary> {
        let now = latency.copy()?;
        let mut since = now.clone();
        if let Some(before) = self.0.replace(now) {
            since.subtract(&before).ok()?;
        }
        (!since.is_empty()).then(|| Summary::of(&since, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_recorded() {
        let latency = Latency::default();
        assert_eq!(latency.summary("Step"), None);
        for micros in 1..=100 {
            latency.record(Duration::from_micros(micros));
        }
        let summary = latency.summary("Step").unwrap();
        assert_eq!((summary.count, summary.p50_us, summary.p99_us), (100, 50, 99));
    }

    #[test]
    fn a_look_is_at_what_was_recorded_since_the_last_one() {
        let (latency, mut recent) = (Latency::default(), Recent::default());
        assert_eq!(recent.look(&latency, "Step"), None);
        latency.record(Duration::from_micros(7));
        assert_eq!(recent.look(&latency, "Step").unwrap().max_us, 7);
        assert_eq!(recent.look(&latency, "Step"), None);
        latency.record(Duration::from_micros(3));
        let summary = recent.look(&latency, "Step").unwrap();
        assert_eq!((summary.count, summary.p50_us, summary.max_us), (1, 3, 3));
        assert_eq!(latency.summary("Step").unwrap().count, 2, "a look takes nothing away");
    }
}
