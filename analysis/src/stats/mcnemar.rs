//! McNemar's test of paired yes-or-no outcomes, two-sided.
//!
//! Only discordant pairs matter, where one side is yes and the other is no. With b pairs where only the first
//! is yes, and c pairs where only the second is yes:
//!
//! | discordant pairs | p-value                                                        |
//! |------------------|----------------------------------------------------------------|
//! | up to 1,000      | exact: 2 P(X <= min(b, c)), X binomial with b + c trials of 1/2 |
//! | more             | chi-square, 1 degree of freedom, of (\|b - c\| - 1)^2 / (b + c)    |
//!
//! Both are as in `statsmodels.stats.contingency_tables.mcnemar` with its defaults (Edwards' continuity
//! correction in the second). The exact distribution is used for as long as it is cheap.
//!
//! Pairs are in clusters: a task's episodes under several seeds are not independent, so their signs flip
//! together. With d = b - c of each cluster, the exact distribution is that of the sum of d over all flips of
//! the clusters' signs, and the chi-square is (|sum d| - 1)^2 / sum d^2. If every cluster is one pair, these
//! are the formulas above. Without the 1 it is the test of Durkalski et al. 2003 for clusters of equal size.

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

use super::interval::Estimate;
use super::proportion::{Counts, Proportion};
use super::sign_flips;

/// Most discordant pairs for the exact distribution.
const EXACT_PAIRS: usize = 1_000;

/// The discordant pairs of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discordant {
    /// Number of pairs where only the first is yes: b.
    pub first_only: usize,
    /// Number of pairs where only the second is yes: c.
    pub second_only: usize,
}

impl Discordant {
    /// Counts the discordant pairs of a cluster.
    pub fn of(pairs: impl IntoIterator<Item = (bool, bool)>) -> Self {
        pairs.into_iter().fold(Self::default(), |counts, (first, second)| Self {
            first_only: counts.first_only + usize::from(first && !second),
            second_only: counts.second_only + usize::from(second && !first),
        })
    }
}

/// The result of the test.
#[derive(Clone, Debug, PartialEq)]
pub struct McNemar {
    clusters: Vec<Discordant>,
    /// The discordant pairs of all clusters.
    pub discordant: Discordant,
    /// min(b, c) if exact, else chi-square.
    pub statistic: f64,
    /// The two-sided p-value; 1 without discordant pairs.
    pub p_value: f64,
    /// How the p-value was found.
    pub method: Method,
}

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From the distribution over all flips of signs, which is binomial if each cluster is one pair.
    Exact,
    /// From a chi-square distribution, with continuity correction.
    ChiSquare,
}

impl McNemar {
    /// Tests these clusters. A cluster without discordant pairs has no effect.
    pub fn of(clusters: &[Discordant]) -> Self {
        let discordant = clusters.iter().fold(Discordant::default(), |sum, cluster| Discordant {
            first_only: sum.first_only + cluster.first_only,
            second_only: sum.second_only + cluster.second_only,
        });
        let Discordant { first_only: b, second_only: c } = discordant;
        let (statistic, p_value, method) = if b + c <= EXACT_PAIRS {
            (b.min(c) as f64, exact_p_value(clusters), Method::Exact)
        } else {
            let statistic = chi_square(clusters);
            (statistic, chi_square_p_value(statistic), Method::ChiSquare)
        };
        Self { clusters: clusters.to_vec(), discordant, statistic, p_value, method }
    }

    /// The odds ratio b / c, its conditional maximum likelihood estimate. None without discordant pairs.
    ///
    /// The interval is that of the share b / (b + c) (Clopper and Pearson 1934), as odds (Breslow and Day
    /// 1980, section 5.2). If clusters have several pairs, it uses the effective number of pairs.
    pub fn odds_ratio(&self, level: f64) -> Option<Estimate> {
        let counts: Vec<Counts> = self
            .clusters
            .iter()
            .map(|d| Counts { successes: d.first_only, trials: d.first_only + d.second_only })
            .collect();
        let proportion = Proportion::of(&counts)?;
        let odds = |share: f64| share / (1.0 - share);
        let interval = proportion.clopper_pearson(level).map(odds);
        Some(Estimate { value: odds(proportion.share), interval: Some(interval) })
    }
}

fn exact_p_value(clusters: &[Discordant]) -> f64 {
    let weights: Vec<usize> = clusters.iter().map(|d| d.first_only.abs_diff(d.second_only)).collect();
    let positive = clusters.iter().map(|d| d.first_only.saturating_sub(d.second_only)).sum();
    sign_flips::two_sided_p_value(&weights, positive)
}

fn chi_square(clusters: &[Discordant]) -> f64 {
    let balances = clusters.iter().map(|d| d.first_only as f64 - d.second_only as f64);
    let (sum, squares) = balances.fold((0.0, 0.0), |(sum, squares), d| (sum + d, squares + d * d));
    // Every cluster is balanced: there is nothing to divide by, and no difference.
    if squares == 0.0 { 0.0 } else { (f64::abs(sum) - 1.0).powi(2) / squares }
}

fn chi_square_p_value(statistic: f64) -> f64 {
    // One degree of freedom is a valid parameter, so this does not fail.
    ChiSquared::new(1.0).map_or(f64::NAN, |distribution| distribution.sf(statistic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(first_only: usize, second_only: usize) -> Vec<Discordant> {
        let first = Discordant { first_only: 1, second_only: 0 };
        let second = Discordant { first_only: 0, second_only: 1 };
        [vec![first; first_only], vec![second; second_only]].concat()
    }

    #[test]
    fn nothing_discordant_is_no_evidence() {
        let test = McNemar::of(&[Discordant::default(); 9]);
        assert_eq!((test.p_value, test.odds_ratio(0.95)), (1.0, None));
    }

    #[test]
    fn a_task_under_three_seeds_is_one_piece_of_evidence() {
        // Six tasks that always go the same way are one flip in 64 on each side, whatever the seeds.
        let thrice = Discordant { first_only: 3, second_only: 0 };
        assert_eq!(McNemar::of(&[thrice; 6]).p_value, 2.0 / 64.0);
        assert_eq!(McNemar::of(&pairs(6, 0)).p_value, 2.0 / 64.0);
        assert!(McNemar::of(&pairs(18, 0)).p_value < 1e-5);
        // And the odds ratio's interval is as wide as that of six pairs.
        let interval = |clusters: &[Discordant]| McNemar::of(clusters).odds_ratio(0.95).unwrap().interval;
        assert_eq!(interval(&[thrice; 6]), interval(&pairs(6, 0)));
    }

    #[test]
    fn many_pairs_are_approximated() {
        let test = McNemar::of(&pairs(560, 441));
        assert_eq!(test.method, Method::ChiSquare);
        assert_eq!(test.statistic, (119.0 - 1.0_f64).powi(2) / 1001.0);
        let exact = exact_p_value(&pairs(560, 441));
        assert!((test.p_value / exact - 1.0).abs() < 0.02, "{} {exact}", test.p_value);
    }
}
