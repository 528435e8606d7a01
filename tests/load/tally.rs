//! What a load counts: latencies, steps, errors.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::player::Failures;

/// Latencies are told apart between these, in microseconds.
const RANGE: (u64, u64) = (1, 3_600_000_000);

/// The time in which a load is measured; before it, it warms up.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When the warm-up ends.
    pub begin: Instant,
    /// When no more steps are sent.
    pub end: Instant,
}

/// The counts of a load.
#[derive(Debug)]
pub struct Tally {
    window: Window,
    /// Of calls that were due in the window, in microseconds.
    latencies: Histogram<u64>,
    /// Steps that were answered in the window.
    pub steps: u64,
    /// Failed steps, those of the warm-up included, by kind.
    pub errors: BTreeMap<String, u64>,
}

/// Quantiles of latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latencies {
    /// The median.
    pub p50: f64,
    /// Of 90 %.
    pub p90: f64,
    /// Of 99 %.
    pub p99: f64,
    /// Of 99.9 %.
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

impl Tally {
    /// Counts for this window.
    pub fn new(window: Window) -> Result<Self> {
        let latencies = Histogram::new_with_bounds(RANGE.0, RANGE.1, 3)?;
        Ok(Self { window, latencies, steps: 0, errors: BTreeMap::new() })
    }

    /// Counts a call of some steps that was due at a time, is answered now, and whose failures are these.
    pub fn record(&mut self, due: Instant, steps: usize, failures: Failures) {
        let (now, window) = (Instant::now(), self.window);
        let good = steps.saturating_sub(failures.len());
        if good > 0 && due >= window.begin {
            let micros = now.saturating_duration_since(due).as_micros();
            self.latencies.saturating_record(u64::try_from(micros).unwrap_or(u64::MAX));
        }
        if (window.begin..window.end).contains(&now) {
            self.steps += good as u64;
        }
        self.fail(failures);
    }

    /// Counts failures.
    pub fn fail(&mut self, failures: Failures) {
        for kind in failures {
            *self.errors.entry(kind).or_default() += 1;
        }
    }

    /// The length of the window.
    pub fn length(&self) -> Duration {
        self.window.end - self.window.begin
    }

    /// The quantiles so far.
    pub fn latencies(&self) -> Latencies {
        let at = |share| self.latencies.value_at_quantile(share) as f64 / 1e3;
        let max = self.latencies.max() as f64 / 1e3;
        Latencies { p50: at(0.5), p90: at(0.9), p99: at(0.99), p99_9: at(0.999), max }
    }
}
