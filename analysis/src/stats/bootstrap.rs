//! The bootstrap: how much a statistic would vary over other draws of the sample.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::describe;

/// An interval of a statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
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
}

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples.
    pub resamples: usize,
    /// Share of resamples inside the interval, e.g. 0.95.
    pub level: f64,
    /// The same seed gives the same interval on every machine (ChaCha8).
    pub seed: u64,
}

impl Bootstrap {
    /// Percentile interval of `statistic` over resamples of `units` units.
    ///
    /// A unit is whatever was drawn independently: an episode, a pair, a
    /// cluster. `statistic` is given the indices of the units drawn (with
    /// replacement, `units` of them). None if there are no units.
    pub fn interval(&self, units: usize, statistic: impl Fn(&[usize]) -> f64) -> Option<Interval> {
        if units == 0 {
            return None;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut drawn = vec![0; units];
        let statistics: Vec<f64> = (0..self.resamples)
            .map(|_| {
                drawn.fill_with(|| rng.random_range(0..units));
                statistic(&drawn)
            })
            .collect();
        let ascending = describe::sorted(&statistics);
        let tail = (1.0 - self.level) / 2.0;
        Some(Interval {
            low: describe::quantile(&ascending, tail)?,
            high: describe::quantile(&ascending, 1.0 - tail)?,
        })
    }

    /// Percentile interval of the mean.
    pub fn mean_interval(&self, values: &[f64]) -> Option<Interval> {
        self.interval(values.len(), |drawn| {
            drawn.iter().map(|&index| values[index]).sum::<f64>() / drawn.len() as f64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOTSTRAP: Bootstrap = Bootstrap { resamples: 5_000, level: 0.95, seed: 1 };

    #[test]
    fn half_width_of_a_mean_is_close_to_the_normal_theory() {
        let values: Vec<f64> = (0..400).map(f64::from).collect();
        let interval = BOOTSTRAP.mean_interval(&values).unwrap();
        // 1.96 standard errors: 1.96 * sqrt((400^2 - 1) / 12) / sqrt(400) = 11.316.
        assert!((interval.half_width() - 11.316).abs() < 0.5, "{interval:?}");
        assert!((f64::midpoint(interval.low, interval.high) - 199.5).abs() < 0.7, "{interval:?}");
    }

    #[test]
    fn the_seed_decides() {
        let values = [1.0, 5.0, 2.0, 8.0, 3.0];
        let interval = BOOTSTRAP.mean_interval(&values);
        assert_eq!(BOOTSTRAP.mean_interval(&values), interval);
        let few = Bootstrap { resamples: 20, ..BOOTSTRAP };
        assert_ne!(few.mean_interval(&values), Bootstrap { seed: 2, ..few }.mean_interval(&values));
    }

    #[test]
    fn constant_values_have_no_width_and_no_values_no_interval() {
        assert_eq!(BOOTSTRAP.mean_interval(&[3.0; 9]), Some(Interval { low: 3.0, high: 3.0 }));
        assert_eq!(BOOTSTRAP.mean_interval(&[]), None);
    }
}
