//! Holm's correction for several tests.

/// Adjusted p-values, in the order given (Holm 1979). If every test whose adjusted p-value is below alpha is
/// called significant, the probability of one or more false positives among all tests is below alpha, however
/// the tests depend on each other.
///
/// The k-th smallest of m p-values is multiplied by m - k + 1, and is at least as large as those before it,
/// as in statsmodels' `multipletests(method="holm")`.
pub fn adjust(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (position, &index) in order.iter().enumerate() {
        let remaining = (p_values.len() - position) as f64;
        largest = largest.max((remaining * p_values[index]).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::adjust;

    #[test]
    fn by_hand() {
        // 3 * 0.01, 2 * 0.03, then not less than that.
        assert_eq!(adjust(&[0.04, 0.01, 0.03]), [0.06, 0.03, 0.06]);
        assert_eq!(adjust(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(adjust(&[]).is_empty());
    }
}
