//! A difference between cells, with its test.

use serde::Serialize;

use super::contrast::Contrast;
use super::design::Design;
use super::options::Options;
use super::outcome::{self, Outcome};
use crate::stats::describe::{correlation, mean, standardised_mean};
use crate::stats::detectable::Power;
use crate::stats::interval::{Estimate, Interval};
use crate::stats::mcnemar::{self, Discordant, McNemar};
use crate::stats::proportion;
use crate::stats::wilcoxon::{self, SignedRank};

/// Differences are rounded to a multiple of one over this, so that differences which are equal on paper are
/// ties.
const ROUNDING: f64 = 1e9;
/// Most differing tasks for an exact signed-rank test. With more, the normal approximation is as good.
const EXACT_TASKS: usize = 500;

/// A difference between cells, with its test. Shares and scores are fractions of 1.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The outcome that is compared.
    pub outcome: Outcome,
    /// The cells, as a formula.
    pub contrast: &'static str,
    /// The question that the difference answers.
    pub question: &'static str,
    /// The mean over tasks. The interval of a difference of two shares is Newcombe's, any other is the
    /// bootstrap's.
    pub difference: Estimate,
    /// The difference under each seed alone.
    pub difference_by_seed: Vec<f64>,
    /// The first cell's mean over the second's; only for tokens, and not for the interaction.
    pub ratio: Option<Estimate>,
    /// The test.
    pub test: Test,
    /// The two-sided p-value.
    pub p_value: f64,
    /// The p-value after Holm's correction for all tests of the report.
    pub p_holm: f64,
    /// The smallest true difference that this number of tasks shows at the chosen alpha and power; null if no
    /// difference does, or too few tasks differ for an estimate.
    pub detectable: Option<f64>,
    /// The same at alpha over the number of tests of the report, which is Holm's threshold for the smallest
    /// p-value.
    pub detectable_in_family: Option<f64>,
}

/// The test's name, statistic, counts and effect sizes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Test {
    /// Wilcoxon's signed-rank test of the tasks' differences (means over seeds).
    SignedRank {
        /// W, the smaller rank sum.
        statistic: f64,
        /// Whether the p-value is exact; otherwise it is the normal approximation.
        exact: bool,
        /// Number of tasks that differ.
        nonzero: usize,
        /// Number of tasks that do not.
        zeros: usize,
        /// Matched-pairs rank-biserial correlation, -1 to 1.
        rank_biserial: Option<Estimate>,
        /// Standardised mean difference d_z; null if all differences are equal.
        standardised_difference: Option<Estimate>,
    },
    /// McNemar's test; a task's signs flip together over seeds.
    #[serde(rename = "mcnemar")]
    McNemar {
        /// The smaller count of discordant pairs, or else chi-square.
        statistic: f64,
        /// Whether the p-value is exact; otherwise it is from a chi-square distribution.
        exact: bool,
        /// Number of pairs where only the first cell has it.
        first_only: usize,
        /// Number of pairs where only the second has it.
        second_only: usize,
        /// The odds ratio of discordant pairs; null without any. A value or an end that is null is infinite.
        odds_ratio: Option<Estimate>,
    },
}

impl Comparison {
    /// Compares an outcome. `tests` is the number of tests of the report; `p_holm` is not corrected yet. None
    /// if an episode lacks the outcome.
    pub fn of(
        design: &Design,
        outcome: Outcome,
        contrast: &Contrast,
        options: &Options,
        tests: usize,
    ) -> Option<Self> {
        let differences = contrast.differences(design, outcome)?;
        let by_task: Vec<f64> = differences.iter().filter_map(|seeds| mean(seeds)).map(rounded).collect();
        let by_seed = (0..design.seeds)
            .filter_map(|seed| mean(&differences.iter().map(|seeds| seeds[seed]).collect::<Vec<_>>()));
        // McNemar's test is for differences of -1, 0 or 1. The interaction's differences are not.
        let is_mcnemar = outcome.is_share() && contrast.pair().is_some();
        let (test, p_value) =
            if is_mcnemar { mcnemar(&differences, options) } else { signed_rank(&by_task, options)? };
        let detectable = |alpha: f64| {
            let power = Power { alpha, power: options.power };
            if is_mcnemar { power.detectable_shares(&by_task) } else { power.detectable_mean_like(&by_task) }
        };
        Some(Self {
            outcome,
            contrast: contrast.name,
            question: contrast.question,
            difference: Estimate {
                value: mean(&by_task)?,
                interval: if is_mcnemar {
                    let (first, second) = contrast.pair()?;
                    let values = |cell| design.values(cell, outcome);
                    shares_interval(&values(first)?, &values(second)?, options.level)
                } else {
                    options.bootstrap().mean_interval(&by_task)
                },
            },
            difference_by_seed: by_seed.collect(),
            ratio: if outcome.is_tokens() { ratio(design, outcome, contrast, options) } else { None },
            test,
            p_value,
            p_holm: p_value,
            detectable: detectable(options.alpha),
            detectable_in_family: detectable(options.alpha / tests as f64),
        })
    }
}

fn rounded(difference: f64) -> f64 {
    (difference * ROUNDING).round() / ROUNDING
}

fn signed_rank(by_task: &[f64], options: &Options) -> Option<(Test, f64)> {
    let test = SignedRank::exact_up_to(EXACT_TASKS, by_task, options.zeros)?;
    let rank_biserial = |values: &[f64]| wilcoxon::rank_biserial(values, options.zeros);
    let described = Test::SignedRank {
        statistic: test.statistic(),
        exact: test.method == wilcoxon::Method::Exact,
        nonzero: test.nonzero,
        zeros: test.zeros,
        rank_biserial: resampled(by_task, options, rank_biserial),
        standardised_difference: resampled(by_task, options, standardised_mean),
    };
    Some((described, test.p_value))
}

fn mcnemar(differences: &[Vec<f64>], options: &Options) -> (Test, f64) {
    let of_task = |seeds: &Vec<f64>| Discordant::of(seeds.iter().map(|d| (*d > 0.0, *d < 0.0)));
    let test = McNemar::of(&differences.iter().map(of_task).collect::<Vec<_>>());
    let described = Test::McNemar {
        statistic: test.statistic,
        exact: test.method == mcnemar::Method::Exact,
        first_only: test.discordant.first_only,
        second_only: test.discordant.second_only,
        odds_ratio: test.odds_ratio(options.level),
    };
    (described, test.p_value)
}

/// Newcombe's interval of the difference of two shares. Values are by task, then seed.
pub fn shares_interval(first: &[Vec<f64>], second: &[Vec<f64>], level: f64) -> Option<Interval> {
    let by_task = |values: &[Vec<f64>]| values.iter().filter_map(|seeds| mean(seeds)).collect::<Vec<f64>>();
    let correlation = correlation(&by_task(first), &by_task(second));
    Some(proportion::difference(&outcome::share(first)?, &outcome::share(second)?, correlation, level))
}

/// A statistic of the tasks' differences, with the bootstrap's interval.
fn resampled(
    by_task: &[f64],
    options: &Options,
    statistic: impl Fn(&[f64]) -> Option<f64>,
) -> Option<Estimate> {
    let value = statistic(by_task)?;
    let of_drawn = |drawn: &[usize]| {
        let values: Vec<f64> = drawn.iter().map(|&index| by_task[index]).collect();
        statistic(&values).unwrap_or(f64::NAN)
    };
    Some(Estimate { value, interval: options.bootstrap().interval(by_task.len(), of_drawn) })
}

/// The ratio of two cells' means. The bootstrap draws tasks, each with its values in both cells.
fn ratio(design: &Design, outcome: Outcome, contrast: &Contrast, options: &Options) -> Option<Estimate> {
    let (first, second) = contrast.pair()?;
    let sums = |cell| -> Option<Vec<f64>> {
        Some(design.values(cell, outcome)?.iter().map(|seeds| seeds.iter().sum()).collect())
    };
    let (first, second) = (sums(first)?, sums(second)?);
    let of_drawn = |drawn: &[usize]| {
        let sum = |values: &[f64]| drawn.iter().map(|&index| values[index]).sum::<f64>();
        sum(&first) / sum(&second)
    };
    let all: Vec<usize> = (0..first.len()).collect();
    let interval = options.bootstrap().interval(first.len(), of_drawn);
    Some(Estimate { value: of_drawn(&all), interval })
}
