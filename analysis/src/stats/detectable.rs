//! What difference a sample of this size could have shown: the smallest true
//! difference that a two-sided test at `alpha` finds with probability `power`.

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use super::describe::{mean, sample_std};

/// Fewest differences other than zero for a detectable mean. The formula takes the mean of differences for about
/// normal, which a mean of mostly zeros is not: its spread then hangs on the few that are not zero. From about 20 on
/// their own mean is near enough to normal.
pub const FEWEST_DIFFERING: usize = 20;

/// How sure a test is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Probability of finding a difference where there is none.
    pub alpha: f64,
    /// Probability of finding the difference where there is one.
    pub power: f64,
}

impl Power {
    /// Of a mean of paired differences, by the paired t-test:
    /// (t(1 - alpha/2) + t(power)) sd / sqrt(n), t with n - 1 degrees of freedom
    /// (as for the normal distribution, e.g. Chow et al. 2008, section 3.1, with t for z).
    /// statsmodels' `TTestPower`, which uses the noncentral t, says the same to 1 % from
    /// 10 pairs on at an alpha of 0.05, and to 6 % at a thirtieth of that.
    ///
    /// Of continuous differences, so without zeros or ties, the signed-rank test needs at most 1/0.864 as many
    /// pairs for the same, and fewer where they have heavy tails (Hodges and Lehmann 1956).
    /// None if the differences do not vary: then they do not tell.
    pub fn detectable_mean(&self, pairs: usize, standard_deviation: f64) -> Option<f64> {
        let n = pairs as f64;
        let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
        let quantiles = t.inverse_cdf(1.0 - self.alpha / 2.0) + t.inverse_cdf(self.power);
        (standard_deviation > 0.0).then_some(quantiles * standard_deviation / n.sqrt())
    }

    /// The same, of differences like these; none if fewer than [`FEWEST_DIFFERING`] are not zero.
    pub fn detectable_mean_like(&self, differences: &[f64]) -> Option<f64> {
        let differing = differences.iter().filter(|difference| **difference != 0.0).count();
        let enough = differing >= FEWEST_DIFFERING;
        enough.then(|| self.detectable_mean(differences.len(), sample_std(differences)?)).flatten()
    }

    /// Of a difference of two paired shares, by McNemar's test: the solution for delta of
    /// n = (z(1 - alpha/2) sqrt(psi) + z(power) sqrt(psi - delta^2))^2 / delta^2
    /// (Connor 1987), psi the share of discordant pairs.
    ///
    /// `differences` are those of the shares of each cluster: -1, 0 or 1 if a cluster is
    /// one pair. n is their number, psi their mean square (then the share of
    /// discordant pairs), which is the variance that either formula starts from.
    /// None if even differences that all go one way would not do, or there are none. It
    /// is the test without continuity correction; the exact one needs a little more.
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

    /// Differences of which the first few are 1, the others 0.
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
        // A task's seeds that only repeat each other add none, those that disagree do.
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
