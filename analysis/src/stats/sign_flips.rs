//! The exact distribution of tests of paired differences: if the two sides do not differ, each difference is
//! equally likely to have either sign (Fisher 1935).

/// Two-sided p-value: twice the smaller tail of the sum of the positive weights,
/// where each weight is positive with probability 1/2, independently.
///
/// With ranks as weights it is Wilcoxon's signed-rank test, with ones it is the sign test.
pub fn two_sided_p_value(weights: &[usize], positive: usize) -> f64 {
    let total: usize = weights.iter().sum();
    // probability[s]: the probability that the positive weights so far have the sum s.
    let mut probability = vec![0.0; total + 1];
    probability[0] = 1.0;
    let mut reached = 0;
    for &weight in weights {
        reached += weight;
        for sum in (0..=reached).rev() {
            let with_weight = if sum >= weight { probability[sum - weight] } else { 0.0 };
            probability[sum] = f64::midpoint(probability[sum], with_weight);
        }
    }
    let lower: f64 = probability[..=positive].iter().sum();
    let upper: f64 = probability[positive..].iter().sum();
    (2.0 * lower.min(upper)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::two_sided_p_value;

    #[test]
    fn small_cases_by_hand() {
        // Of the 8 flips, 1 has the sum 0: 2 * 1/8.
        assert_eq!(two_sided_p_value(&[1, 2, 3], 0), 0.25);
        // 0, 1, 2, 3, 3, 4, 5, 6: five of them up to 3.
        assert_eq!(two_sided_p_value(&[1, 2, 3], 3), 1.0);
        assert_eq!(two_sided_p_value(&[], 0), 1.0);
    }
}
