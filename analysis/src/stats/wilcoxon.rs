//! Wilcoxon's signed-rank test of paired differences, two-sided.
//!
//! Tied differences share their mean rank. Zero differences are treated as
//! [`Zeros`] says. [`SignedRank::with_zeros`] finds the p-value as scipy's default
//! (`method="auto"`) finds it:
//!
//! | pairs, zeros included | zeros or ties | p-value                                                       |
//! |-----------------------|---------------|---------------------------------------------------------------|
//! | up to 50              | none          | exact                                                         |
//! | up to 13              | some          | exact, over the flips of every sign                           |
//! | otherwise             |               | normal approximation, tie-corrected, no continuity correction |
//!
//! If all differences are zero, p is 1 here; scipy returns NaN for more than 13 pairs.
//!
//! scipy's limits include the zeros. If 2 of 60 pairs differ, it approximates (p = 0.18), although two signs
//! have only four flips, so that p is at least 0.5. [`SignedRank::exact_up_to`] counts only the nonzero
//! differences.

use super::signed_ranks::SignedRanks;

pub use super::zeros::Zeros;

/// Most pairs for the exact distribution, if there are neither zeros nor ties.
const EXACT_PAIRS: usize = 50;
/// Most pairs for the exact distribution, if there are zeros or ties.
const EXACT_PAIRS_TIED: usize = 13;

/// The result of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Sum of the ranks of positive differences.
    pub rank_sum_positive: f64,
    /// Sum of the ranks of negative differences.
    pub rank_sum_negative: f64,
    /// Number of nonzero differences.
    pub nonzero: usize,
    /// Number of zero differences.
    pub zeros: usize,
    /// The two-sided p-value.
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
    /// Tests these differences, with zeros dropped; `None` for no differences at all.
    pub fn of(differences: &[f64]) -> Option<Self> {
        Self::with_zeros(differences, Zeros::Drop)
    }

    /// Tests these differences; the p-value is exact where scipy's is; `None` for no differences at all.
    pub fn with_zeros(differences: &[f64], treatment: Zeros) -> Option<Self> {
        let zeros = count_zeros(differences);
        Self::exact_if(differences, treatment, |signed| {
            let irregular = zeros > 0 || signed.ties.iter().any(|&size| size > 1);
            differences.len() <= if irregular { EXACT_PAIRS_TIED } else { EXACT_PAIRS }
        })
    }

    /// Tests these differences; the p-value is exact if at most `nonzero` are not zero. `None` for no
    /// differences at all.
    pub fn exact_up_to(nonzero: usize, differences: &[f64], treatment: Zeros) -> Option<Self> {
        Self::exact_if(differences, treatment, |_| differences.len() - count_zeros(differences) <= nonzero)
    }

    fn exact_if(
        differences: &[f64],
        treatment: Zeros,
        is_exact: impl Fn(&SignedRanks) -> bool,
    ) -> Option<Self> {
        if differences.is_empty() {
            return None;
        }
        let signed = SignedRanks::of(differences, treatment);
        let zeros = count_zeros(differences);
        let nonzero = differences.len() - zeros;
        let (p_value, method) = if nonzero == 0 || is_exact(&signed) {
            (signed.exact_p_value(), Method::Exact)
        } else {
            (signed.approximate_p_value(), Method::NormalApproximation)
        };
        Some(Self {
            rank_sum_positive: signed.sum(&signed.positive),
            rank_sum_negative: signed.sum(&signed.negative),
            nonzero,
            zeros,
            p_value,
            method,
        })
    }

    /// W: the smaller of the two rank sums.
    pub fn statistic(&self) -> f64 {
        self.rank_sum_positive.min(self.rank_sum_negative)
    }

    /// Matched-pairs rank-biserial correlation: the difference of the two rank
    /// sums over their total (Kerby 2014).
    ///
    /// With zeros dropped the total is `n (n + 1) / 2`, n the number of nonzero
    /// differences, so the magnitude is `1 - 4 W / (n (n + 1))`: 1 if every
    /// nonzero difference is positive, -1 if every one is negative, 0 if the
    /// two sums are equal (or there is nothing to rank).
    pub fn rank_biserial(&self) -> f64 {
        correlation(self.rank_sum_positive, self.rank_sum_negative)
    }
}

/// [`SignedRank::rank_biserial`] alone, without the cost of a p-value; `None` for no differences at all.
pub fn rank_biserial(differences: &[f64], treatment: Zeros) -> Option<f64> {
    let signed = SignedRanks::of(differences, treatment);
    let sums = [&signed.positive, &signed.negative].map(|ranks| signed.sum(ranks));
    (!differences.is_empty()).then(|| correlation(sums[0], sums[1]))
}

/// The difference of two rank sums over their total; 0 if both are 0.
fn correlation(positive: f64, negative: f64) -> f64 {
    let total = positive + negative;
    if total == 0.0 { 0.0 } else { (positive - negative) / total }
}

fn count_zeros(differences: &[f64]) -> usize {
    differences.iter().filter(|d| **d == 0.0).count()
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
    fn few_differences_among_many_zeros_are_weak_evidence() {
        let mut differences = vec![0.0; 58];
        differences.extend([1.0, 0.7]);
        for zeros in [Zeros::Drop, Zeros::Pratt, Zeros::Split] {
            // Two signs have four flips, of which two are as extreme.
            let test = SignedRank::exact_up_to(500, &differences, zeros).unwrap();
            assert_eq!((test.p_value, test.method, test.nonzero), (0.5, Method::Exact, 2), "{zeros:?}");
            assert_eq!(rank_biserial(&differences, zeros), Some(test.rank_biserial()));
        }
        let scipys = SignedRank::of(&differences).unwrap();
        assert_eq!(scipys.method, Method::NormalApproximation);
        assert!((scipys.p_value - 0.1797).abs() < 1e-4, "{scipys:?}");
        let beyond = SignedRank::exact_up_to(1, &differences, Zeros::Drop);
        assert_eq!(beyond, Some(scipys));
    }

    #[test]
    fn equal_samples_are_no_evidence() {
        let test = SignedRank::of(&[0.0; 60]).unwrap();
        assert_eq!((test.p_value, test.rank_biserial(), test.zeros), (1.0, 0.0, 60));
        assert_eq!(SignedRank::of(&[]), None);
    }
}
