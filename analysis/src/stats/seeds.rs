//! Means over few repeats, such as training seeds.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::describe::{mean, sample_std};
use super::interval::{Estimate, Interval};

/// The level of the intervals.
const LEVEL: f64 = 0.95;

/// The mean of independent values with Student's 95 % interval; none of nothing, and without an interval of one value.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    let value = mean(values)?;
    let n = values.len() as f64;
    let interval = sample_std(values).and_then(|deviation| {
        let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(f64::midpoint(1.0, LEVEL));
        let half = t * deviation / n.sqrt();
        Some(Interval { low: value - half, high: value + half })
    });
    Some(Estimate { value, interval })
}

#[cfg(test)]
mod tests {
    use super::estimate;

    /// R: `t.test(c(1, 2, 4))$conf.int`.
    #[test]
    fn the_interval_is_students() {
        let found = estimate(&[1.0, 2.0, 4.0]).unwrap();
        let interval = found.interval.unwrap();
        assert!((found.value - 7.0 / 3.0).abs() < 1e-12);
        assert!((interval.low - -1.461_250).abs() < 1e-5, "{interval:?}");
        assert!((interval.high - 6.127_917).abs() < 1e-5, "{interval:?}");
        assert_eq!(estimate(&[3.0]).unwrap().interval, None);
        assert_eq!(estimate(&[]), None);
    }
}
