//! Wilcoxon's signed-rank test of paired differences, two-sided.
//!
//! Zero differences are dropped (Wilcoxon 1945), tied ones share their mean
//! rank. The p-value is found as scipy's default (`method="auto"`) finds it:
//!
//! | pairs, zeros included | zeros or ties | p-value                               |
//! |-----------------------|---------------|---------------------------------------|
//! | up to 50              | none          | exact                                 |
//! | up to 13              | some          | exact, over the flips of every sign   |
//! | otherwise             |               | normal approximation, tie-corrected, no continuity correction |
//!
//! With no difference but zeros, p is 1 here; scipy answers NaN beyond 13 pairs.

use statrs::distribution::{ContinuousCDF as _, Normal};

/// Most pairs for the exact distribution, if there are neither zeros nor ties.
const EXACT_PAIRS: usize = 50;
/// Most pairs for the exact distribution, if there are zeros or ties.
const EXACT_PAIRS_TIED: usize = 13;

/// Outcome of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Sum of the ranks of positive differences.
    pub rank_sum_positive: f64,
    /// Sum of the ranks of negative differences.
    pub rank_sum_negative: f64,
    /// Differences other than zero.
    pub nonzero: usize,
    /// Zero differences, dropped.
    pub zeros: usize,
    /// Two-sided.
    pub p_value: f64,
    /// How the p-value was found.
    pub method: Method,
}

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From the distribution of the rank sum over all flips of sign.
    Exact,
    /// From a normal distribution with the same mean and tie-corrected variance.
    NormalApproximation,
}

impl SignedRank {
    /// The test of these differences; `None` for no differences at all.
    pub fn of(differences: &[f64]) -> Option<Self> {
        if differences.is_empty() {
            return None;
        }
        let nonzero: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
        let ranks = Ranks::of_magnitudes(&nonzero);
        let rank_sum = |wanted: fn(&f64) -> bool| {
            let signed = nonzero.iter().zip(&ranks.doubled);
            signed.filter(|(d, _)| wanted(d)).map(|(_, &rank)| rank).sum::<usize>() as f64 / 2.0
        };
        let positive = rank_sum(|d| *d > 0.0);
        let zeros = differences.len() - nonzero.len();
        let irregular = zeros > 0 || ranks.tied_groups.iter().any(|&size| size > 1);
        let exact_pairs = if irregular { EXACT_PAIRS_TIED } else { EXACT_PAIRS };
        let (p_value, method) = if differences.len() <= exact_pairs || nonzero.is_empty() {
            (exact_p_value(&ranks.doubled, positive), Method::Exact)
        } else {
            (approximate_p_value(nonzero.len(), &ranks.tied_groups, positive), Method::NormalApproximation)
        };
        Some(Self {
            rank_sum_positive: positive,
            rank_sum_negative: rank_sum(|d| *d < 0.0),
            nonzero: nonzero.len(),
            zeros,
            p_value,
            method,
        })
    }

    /// W: the smaller of the two rank sums.
    pub fn statistic(&self) -> f64 {
        self.rank_sum_positive.min(self.rank_sum_negative)
    }

    /// Matched-pairs rank-biserial correlation: `1 - 4 W / (n (n + 1))` with n the
    /// number of nonzero differences, signed by direction (Kerby 2014).
    ///
    /// The rank sums total `n (n + 1) / 2`, so this is their difference over
    /// their total: 1 if every nonzero difference is positive, -1 if every one
    /// is negative, 0 if the two sums are equal (or there is nothing to rank).
    pub fn rank_biserial(&self) -> f64 {
        if self.nonzero == 0 {
            return 0.0;
        }
        let n = self.nonzero as f64;
        let magnitude = 1.0 - 4.0 * self.statistic() / (n * (n + 1.0));
        if self.rank_sum_positive < self.rank_sum_negative { -magnitude } else { magnitude }
    }
}

/// Ranks of magnitudes, from 1; equal ones share their mean rank.
struct Ranks {
    /// Twice the rank: mean ranks may be half-integers, these are whole.
    doubled: Vec<usize>,
    /// Sizes of the groups of equal magnitudes.
    tied_groups: Vec<usize>,
}

impl Ranks {
    fn of_magnitudes(values: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()));
        let mut doubled = vec![0; values.len()];
        let mut tied_groups = Vec::new();
        let mut ranked = 0;
        for group in order.chunk_by(|&a, &b| values[a].abs() == values[b].abs()) {
            // Ranks ranked+1 ..= ranked+size have the mean ranked + (size+1)/2.
            for &index in group {
                doubled[index] = 2 * ranked + group.len() + 1;
            }
            ranked += group.len();
            tied_groups.push(group.len());
        }
        Self { doubled, tied_groups }
    }
}

/// Twice the smaller tail of the positive rank sum, where each rank counts as
/// positive with probability 1/2.
fn exact_p_value(doubled_ranks: &[usize], rank_sum_positive: f64) -> f64 {
    let total: usize = doubled_ranks.iter().sum();
    // probability[s]: that the doubled ranks seen so far sum to s.
    let mut probability = vec![0.0; total + 1];
    probability[0] = 1.0;
    for &rank in doubled_ranks {
        for sum in (0..=total).rev() {
            let with_rank = if sum >= rank { probability[sum - rank] } else { 0.0 };
            probability[sum] = f64::midpoint(probability[sum], with_rank);
        }
    }
    let observed = (2.0 * rank_sum_positive) as usize;
    let lower: f64 = probability[..=observed].iter().sum();
    let upper: f64 = probability[observed..].iter().sum();
    (2.0 * lower.min(upper)).min(1.0)
}

/// The mean of the positive rank sum is n(n+1)/4; its variance is
/// (n(n+1)(2n+1) - sum over tied groups of (t^3 - t)/2) / 24.
fn approximate_p_value(nonzero: usize, tied_groups: &[usize], rank_sum_positive: f64) -> f64 {
    let n = nonzero as f64;
    let ties: f64 = tied_groups.iter().map(|&size| (size as f64).powi(3) - size as f64).sum();
    let mean = n * (n + 1.0) / 4.0;
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - ties / 2.0) / 24.0;
    let z = (rank_sum_positive - mean) / variance.sqrt();
    (2.0 * Normal::standard().sf(z.abs())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_positive_differences() {
        let test = SignedRank::of(&[1.0, 2.0, 3.0]).unwrap();
        // One of the 8 flips is as extreme, on each side.
        assert_eq!((test.statistic(), test.p_value, test.method), (0.0, 0.25, Method::Exact));
        assert_eq!(test.rank_biserial(), 1.0);
    }

    #[test]
    fn rank_biserial_is_the_difference_of_the_rank_sums_over_their_total() {
        // Ranks: 1 -> 1.5, -1 -> 1.5, -3 -> 3, 4 -> 4, -5 -> 5; sums 5.5 and 9.5.
        let test = SignedRank::of(&[1.0, -1.0, 0.0, -3.0, 4.0, -5.0]).unwrap();
        assert_eq!((test.rank_sum_positive, test.rank_sum_negative), (5.5, 9.5));
        assert_eq!((test.nonzero, test.zeros), (5, 1));
        assert!((test.rank_biserial() - (5.5 - 9.5) / 15.0).abs() < 1e-15);
    }

    #[test]
    fn equal_samples_are_no_evidence() {
        let test = SignedRank::of(&[0.0; 60]).unwrap();
        assert_eq!((test.p_value, test.rank_biserial(), test.zeros), (1.0, 0.0, 60));
        assert_eq!(SignedRank::of(&[]), None);
    }
}
