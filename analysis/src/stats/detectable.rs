//! The detectable difference of a sample: the smallest true difference that a two-sided test at `alpha` finds
//! with probability `power`.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use super::describe::{mean, sample_std};

/// Fewest nonzero differences for a detectable mean. The formula assumes that the mean of the differences is
/// about normal. A mean of mostly zeros is not: its spread depends on the few that are not zero. With 20 or
/// more of them it is close enough to normal.
pub const FEWEST_DIFFERING: usize = 20;

/// The error probabilities of a test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Probability of finding a difference where there is none.
    pub alpha: f64,
    /// Probability of finding the difference where there is one.
    pub power: f64,
}

impl Power {
    /// The detectable mean of paired differences, by the paired t-test:
    /// (t(1 - alpha/2) + t(power)) sd / sqrt(n), t with n - 1 degrees of freedom
    /// (as for the normal distribution, e.g. Chow et al. 2008, section 3.1, with t for z).
    ///
    /// With 10 or more pairs it agrees with statsmodels' `TTestPower`, which uses
    /// the noncentral t, within 1 % at an alpha of 0.05, and within 6 % at a thirtieth of that.
    ///
    /// For continuous differences, which have no zeros or ties, the signed-rank test needs at most 1/0.864
    /// times as many pairs, and fewer for heavy tails (Hodges and Lehmann 1956). None if the differences are
    /// all equal.
    pub fn detectable_mean(&self, pairs: usize, standard_deviation: f64) -> Option<f64> {
        let n = pairs as f64;
        let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
        let quantiles = t.inverse_cdf(1.0 - self.alpha / 2.0) + t.inverse_cdf(self.power);
        (standard_deviation > 0.0).then_some(quantiles * standard_deviation / n.sqrt())
    }

    /// The detectable mean of differences with the spread of these; none if fewer than [`FEWEST_DIFFERING`]
    /// are nonzero.
    pub fn detectable_mean_like(&self, differences: &[f64]) -> Option<f64> {
        let differing = differences.iter().filter(|difference| **difference != 0.0).count();
        let enough = differing >= FEWEST_DIFFERING;
        enough.then(|| self.detectable_mean(differences.len(), sample_std(differences)?)).flatten()
    }

    /// The detectable difference of two paired shares, by McNemar's test: the solution for delta of
    /// n = (z(1 - alpha/2) sqrt(psi) + z(power) sqrt(psi - delta^2))^2 / delta^2
    /// (Connor 1987), where psi is the share of discordant pairs.
    ///
    /// `differences` are the differences of the shares in each cluster: -1, 0 or 1 if a cluster is one pair.
    /// n is their number and psi their mean square, which is the share of discordant pairs if each cluster is
    /// one pair. None if there are no differences, or if they would not be enough even if all had the same
    /// sign. The formula is for the test without continuity correction; the exact test needs a slightly
    /// larger difference.
    pub fn detectable_shares(&self, differences: &[f64]) -> Option<f64> {
        let n = differences.len() as f64;
        let psi = mean(&differences.iter().map(|d| d * d).collect::<Vec<_>>())?;
        let largest = mean(&differences.iter().map(|d| d.abs()).collect::<Vec<_>>())?;
        let quantile = |p| Normal::standard().inverse_cdf(p);
        let (a, b) = (quantile(1.0 - self.alpha / 2.0), quantile(self.power));
        // With x = delta sqrt(n) - a sqrt(psi) = b sqrt(psi - delta^2), squared: a quadratic equation.
        let root = n + b * b - a * a;
        let delta = psi.sqrt() * (a * n.sqrt() + b * root.max(0.0).sqrt()) / (n + b * b);
        (root >= 0.0 && delta > 0.0 && delta <= largest).then_some(delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Differences: the first `discordant` are 1, the others 0.
    fn pairs(count: usize, discordant: usize) -> Vec<f64> {
        (0..count).map(|index| f64::from(u8::from(index < discordant))).collect()
    }

    const USUAL: Power = Power { alpha: 0.05, power: 0.8 };

    #[test]
    fn more_pairs_show_smaller_differences() {
        // Halving the difference takes about four times the pairs.
        let ratio = USUAL.detectable_mean(50, 1.0).unwrap() / USUAL.detectable_mean(200, 1.0).unwrap();
        assert!((ratio - 2.0).abs() < 0.05, "{ratio}");
        let shares = |count, discordant| USUAL.detectable_shares(&pairs(count, discordant));
        assert!(shares(50, 20) > shares(200, 80));
        // A task whose seeds differ from each other has a smaller difference, so the detectable difference
        // shrinks.
        let half: Vec<f64> = pairs(200, 160).iter().map(|d| d / 2.0).collect();
        assert!(USUAL.detectable_shares(&half) < shares(200, 80));
    }

    #[test]
    fn mostly_zeros_do_not_tell() {
        let like = |differing| USUAL.detectable_mean_like(&pairs(60, differing));
        assert_eq!(like(FEWEST_DIFFERING - 1), None);
        assert_eq!(like(20), USUAL.detectable_mean(60, sample_std(&pairs(60, 20)).unwrap()));
        assert!(like(20).is_some());
    }

    #[test]
    fn too_few_discordant_pairs_show_nothing() {
        assert_eq!(USUAL.detectable_shares(&pairs(200, 2)), None);
        assert_eq!(USUAL.detectable_shares(&pairs(200, 0)), None);
        assert_eq!(USUAL.detectable_shares(&[]), None);
        assert_eq!(USUAL.detectable_mean(1, 1.0), None);
        assert_eq!(USUAL.detectable_mean(100, 0.0), None);
    }
}
