//! An interval, and a number with one.

use serde::Serialize;

/// An interval of a statistic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Half the distance between the ends: the number after a plus-minus sign.
    pub fn half_width(self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Both ends through a function that keeps their order.
    #[must_use]
    pub fn map(self, ascending: impl Fn(f64) -> f64) -> Self {
        Self { low: ascending(self.low), high: ascending(self.high) }
    }
}

/// A number computed from a sample, and where it would lie over other samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The number; null in JSON if it is infinite.
    pub value: f64,
    /// None if the sample does not say.
    pub interval: Option<Interval>,
}

impl Estimate {
    /// In another unit.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            value: factor * self.value,
            interval: self.interval.map(|interval| interval.map(|end| factor * end)),
        }
    }
}
