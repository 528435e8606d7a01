//! Advantages: how much better a rollout is than the others of its group.

use crate::train::config::Scale;

/// Added to a standard deviation before dividing by it, as in TRL.
const EPSILON: f64 = 1e-4;

/// The advantages of rewards, in their order. `groups` says which rewards are compared: the lengths of consecutive groups.
///
/// The advantage is the reward less the group's mean, divided as `scale` says. Standard deviations are of samples, with one less
/// than their number in the denominator, as in TRL; that of a single reward is zero.
///
/// # Panics
/// If the groups have more rewards than there are.
pub fn advantages(rewards: &[f64], groups: &[usize], scale: Scale) -> Vec<f64> {
    let whole = deviation(rewards);
    let mut start = 0;
    let mut all = Vec::with_capacity(rewards.len());
    for length in groups {
        let group = &rewards[start..start + length];
        start += length;
        let divisor = match scale {
            Scale::Group => deviation(group) + EPSILON,
            Scale::Batch => whole + EPSILON,
            Scale::None => 1.0,
        };
        // Of equal rewards, rounding would leave a little.
        let mean = if deviation(group) == 0.0 { group.first().copied().unwrap_or(0.0) } else { mean(group) };
        all.extend(group.iter().map(|reward| (reward - mean) / divisor));
    }
    all
}

/// The mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The standard deviation of a sample; 0 of fewer than two values, and exactly 0 of equal ones.
pub fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 || values.windows(2).all(|pair| pair[0] == pair[1]) {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}
