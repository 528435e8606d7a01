//! How a report is computed.

use serde::Serialize;

use crate::stats::bootstrap::Bootstrap;
use crate::stats::wilcoxon::Zeros;

/// How a report is computed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Options {
    /// Number of resamples of the bootstrap.
    pub resamples: usize,
    /// The seed of the bootstrap.
    pub seed: u64,
    /// The confidence level of every interval, such as 0.95.
    pub level: f64,
    /// The significance level of the detectable differences.
    pub alpha: f64,
    /// The power of the detectable differences.
    pub power: f64,
    /// What the signed-rank test does with tasks that do not differ.
    pub zeros: Zeros,
}

impl Default for Options {
    /// 95 % intervals, 5,000 resamples.
    fn default() -> Self {
        Self { resamples: 5_000, seed: 3407, level: 0.95, alpha: 0.05, power: 0.8, zeros: Zeros::Drop }
    }
}

impl Options {
    /// The bootstrap of every interval that is not of a share or an odds ratio.
    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: self.resamples, level: self.level, seed: self.seed }
    }
}
