//! Descriptive statistics of a sample.

/// Mean, spread and range of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description {
    /// The arithmetic mean.
    pub mean: f64,
    /// The population standard deviation (divisor n).
    pub std: f64,
    /// The middle value, or the mean of the middle two.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Description {
    /// Describes a sample; none for an empty one.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            mean: mean(values)?,
            std: population_std(values)?,
            median: median(values)?,
            min: values.iter().copied().min_by(f64::total_cmp)?,
            max: values.iter().copied().max_by(f64::total_cmp)?,
        })
    }
}

/// Arithmetic mean; none for an empty sample.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Square root of the mean squared deviation from the mean (divisor n, not n - 1).
pub fn population_std(values: &[f64]) -> Option<f64> {
    let center = mean(values)?;
    let squares: Vec<f64> = values.iter().map(|value| (value - center).powi(2)).collect();
    mean(&squares).map(f64::sqrt)
}

/// Square root of the summed squared deviations over n - 1; none for fewer than two values.
pub fn sample_std(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    (values.len() > 1).then_some(population_std(values)? * (n / (n - 1.0)).sqrt())
}

/// The mean in units of the sample's standard deviation. Of paired differences: the
/// standardised mean difference d_z (Cohen 1988; Lakens 2013).
/// None if the values do not differ.
pub fn standardised_mean(values: &[f64]) -> Option<f64> {
    let differ = values.iter().any(|value| *value != values[0]);
    differ.then_some(mean(values)? / sample_std(values)?)
}

/// Pearson's correlation of pairs; 0 if the values of a side are all equal.
pub fn correlation(first: &[f64], second: &[f64]) -> f64 {
    let (Some(mean_first), Some(mean_second)) = (mean(first), mean(second)) else {
        return 0.0;
    };
    let mut sums = [0.0; 3];
    for (x, y) in first.iter().zip(second).map(|(x, y)| (x - mean_first, y - mean_second)) {
        sums = [sums[0] + x * y, sums[1] + x * x, sums[2] + y * y];
    }
    let scale = (sums[1] * sums[2]).sqrt();
    if scale > 0.0 { sums[0] / scale } else { 0.0 }
}

/// The middle value, or the mean of the middle two.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// The values in ascending order.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// Quantile of values in ascending order, interpolated linearly between the two
/// nearest (Hyndman and Fan's type 7, which is numpy's default).
pub fn quantile(ascending: &[f64], probability: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let position = probability.clamp(0.0, 1.0) * last as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(last);
    let share = position - below as f64;
    Some(ascending[below] * (1.0 - share) + ascending[above] * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_an_even_sample() {
        let description = Description::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(description.mean, 2.5);
        assert_eq!(description.median, 2.5);
        assert_eq!((description.min, description.max), (1.0, 4.0));
        // Squared deviations 2.25, 0.25, 0.25, 2.25: mean 1.25.
        assert!((description.std - 1.25_f64.sqrt()).abs() < 1e-15);
    }

    #[test]
    fn the_mean_in_units_of_the_spread() {
        // Deviations -1, 0, 1: variance 2/2.
        assert!((standardised_mean(&[3.0, 4.0, 5.0]).unwrap() - 4.0).abs() < 1e-12);
        assert_eq!(standardised_mean(&[4.0, 4.0]), None);
        assert_eq!(standardised_mean(&[4.0]), None);
    }

    #[test]
    fn correlations() {
        assert!((correlation(&[1.0, 2.0, 3.0], &[30.0, 20.0, 10.0]) + 1.0).abs() < 1e-12);
        // Deviations -1, 0, 1 and -1, 2, -1: no product left.
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[0.0, 3.0, 0.0]), 0.0);
        assert_eq!(correlation(&[1.0, 2.0], &[1.0, 1.0]), 0.0);
    }

    #[test]
    fn an_empty_sample_has_no_description() {
        assert_eq!(Description::of(&[]), None);
    }

    #[test]
    fn quantiles_interpolate() {
        let values = [10.0, 20.0, 40.0];
        assert_eq!(quantile(&values, 0.0), Some(10.0));
        assert_eq!(quantile(&values, 0.25), Some(15.0));
        assert_eq!(quantile(&values, 0.75), Some(30.0));
        assert_eq!(quantile(&values, 1.0), Some(40.0));
    }
}
