//! Latency histograms, one for each kind of call.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use proto::env::v1;

/// The highest latency of a histogram, in microseconds (one hour); longer ones count as this.
const HIGHEST_US: u64 = 3_600_000_000;

/// Latencies since the server started, in microseconds to three digits.
#[derive(Debug, Default)]
pub struct Metrics {
    histograms: Mutex<BTreeMap<&'static str, Histogram<u64>>>,
}

impl Metrics {
    /// Counts one call.
    pub fn record(&self, name: &'static str, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(HIGHEST_US).clamp(1, HIGHEST_US);
        let mut histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let histogram = histograms.entry(name).or_insert_with(|| {
            Histogram::new_with_bounds(1, HIGHEST_US, 3).expect("the bounds are constants that fit")
        });
        histogram.saturating_record(micros);
    }

    /// Every histogram's quantiles, by name.
    pub fn summaries(&self) -> Vec<v1::LatencySummary> {
        let histograms = self.histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = |(name, histogram): (&&str, &Histogram<u64>)| v1::LatencySummary {
            name: (*name).to_owned(),
            count: histogram.len(),
            mean_us: histogram.mean(),
            p50_us: histogram.value_at_quantile(0.50),
            p90_us: histogram.value_at_quantile(0.90),
            p99_us: histogram.value_at_quantile(0.99),
            max_us: histogram.max(),
        };
        histograms.iter().map(summary).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_recorded() {
        let metrics = Metrics::default();
        for micros in 1..=100 {
            metrics.record("Step", Duration::from_micros(micros));
        }
        let summaries = metrics.summaries();
        assert_eq!(summaries.len(), 1);
        assert_eq!((summaries[0].count, summaries[0].p50_us, summaries[0].p99_us), (100, 50, 99));
    }
}
