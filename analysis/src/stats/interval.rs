//! An interval, and a number with one.

use serde::Serialize;

/// An interval of a statistic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Half the distance between the ends: the number after a plus-minus sign.
    pub fn half_width(self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Applies an increasing function to both ends.
    #[must_use]
    pub fn map(self, ascending: impl Fn(f64) -> f64) -> Self {
        Self { low: ascending(self.low), high: ascending(self.high) }
    }
}

/// A number computed from a sample, with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The number; null in JSON if it is infinite.
    pub value: f64,
    /// The interval; none if the sample does not determine one.
    pub interval: Option<Interval>,
}

impl Estimate {
    /// The estimate in another unit.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            value: factor * self.value,
            interval: self.interval.map(|interval| interval.map(|end| factor * end)),
        }
    }
}
