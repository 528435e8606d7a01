//! The ranks of differences by sign, and the p-values of their sums.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::ranks::Ranks;
use super::sign_flips;
use super::zeros::Zeros;

/// Ranks by the sign of their difference, and what the approximation needs. Ranks are doubled, so that they
/// are whole.
pub(super) struct SignedRanks {
    pub positive: Vec<usize>,
    pub negative: Vec<usize>,
    /// Half the ranks of zero differences, if zeros are split: they count on both sides.
    on_both_sides: f64,
    /// Number of differences that were ranked.
    ranked: usize,
    /// Number of these that do not count: zeros, which have the lowest ranks.
    uncounted: usize,
    /// Sizes of the tied groups of those that count.
    pub ties: Vec<usize>,
}

impl SignedRanks {
    /// Ranks differences.
    pub fn of(differences: &[f64], treatment: Zeros) -> Self {
        let ranked: Vec<f64> = match treatment {
            Zeros::Drop => differences.iter().copied().filter(|d| *d != 0.0).collect(),
            Zeros::Pratt | Zeros::Split => differences.to_vec(),
        };
        let Ranks { doubled, tied_groups: mut ties } = Ranks::of_magnitudes(&ranked);
        let of_sign = |wanted: fn(f64) -> bool| -> Vec<usize> {
            ranked.iter().zip(&doubled).filter(|(d, _)| wanted(**d)).map(|(_, &rank)| rank).collect()
        };
        let zeros = of_sign(|d| d == 0.0);
        let (on_both_sides, uncounted) = match treatment {
            Zeros::Split => (zeros.iter().sum::<usize>() as f64 / 4.0, 0),
            Zeros::Drop | Zeros::Pratt => (0.0, zeros.len()),
        };
        if uncounted > 0 {
            ties.remove(0);
        }
        Self {
            positive: of_sign(|d| d > 0.0),
            negative: of_sign(|d| d < 0.0),
            on_both_sides,
            ranked: ranked.len(),
            uncounted,
            ties,
        }
    }

    /// The sum of doubled ranks of one sign, undoubled, with the ranks that count on both sides.
    pub fn sum(&self, doubled: &[usize]) -> f64 {
        doubled.iter().sum::<usize>() as f64 / 2.0 + self.on_both_sides
    }

    /// From the distribution of the rank sum over all flips of signs.
    pub fn exact_p_value(&self) -> f64 {
        let weights = [self.positive.as_slice(), self.negative.as_slice()].concat();
        sign_flips::two_sided_p_value(&weights, self.positive.iter().sum())
    }

    /// From a normal distribution with the same mean and tie-corrected variance.
    ///
    /// The mean of the positive rank sum is n(n+1)/4, and its variance is (n(n+1)(2n+1) - sum over tied
    /// groups of (t^3 - t)/2) / 24. The same terms for the ranks that do not count are subtracted from both
    /// (Cureton 1967).
    pub fn approximate_p_value(&self) -> f64 {
        let off = |of_count: fn(f64) -> f64| of_count(self.ranked as f64) - of_count(self.uncounted as f64);
        let ties: f64 = self.ties.iter().map(|&size| (size as f64).powi(3) - size as f64).sum();
        let mean = off(|n| n * (n + 1.0) / 4.0);
        let variance = (off(|n| n * (n + 1.0) * (2.0 * n + 1.0)) - ties / 2.0) / 24.0;
        let z = (self.sum(&self.positive) - mean) / variance.sqrt();
        (2.0 * Normal::standard().sf(z.abs())).min(1.0)
    }
}
