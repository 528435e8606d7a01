//! A difference between cells, tested.

use serde::Serialize;

use super::contrast::Contrast;
use super::design::Design;
use super::outcome::{self, Outcome};
use super::report::Options;
use crate::stats::describe::{correlation, mean, standardised_mean};
use crate::stats::detectable::Power;
use crate::stats::interval::{Estimate, Interval};
use crate::stats::mcnemar::{self, Discordant, McNemar};
use crate::stats::proportion;
use crate::stats::wilcoxon::{self, SignedRank};

/// Differences are rounded to one in this many: those that are equal on paper are then tied or zero.
const ROUNDING: f64 = 1e9;
/// Most tasks that differ for an exact signed-rank test; beyond, the normal approximation is as good.
const EXACT_TASKS: usize = 500;

/// A difference and what speaks for it. Shares and scores are fractions of 1.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Of what.
    pub outcome: Outcome,
    /// Between which cells.
    pub contrast: &'static str,
    /// What it asks.
    pub question: &'static str,
    /// Mean over tasks. Of two shares, the interval is Newcombe's, otherwise the bootstrap's.
    pub difference: Estimate,
    /// The same for each seed by itself.
    pub difference_by_seed: Vec<f64>,
    /// The first cell's mean over the second's; only of tokens, not for the interaction.
    pub ratio: Option<Estimate>,
    /// The test.
    pub test: Test,
    /// Two-sided.
    pub p_value: f64,
    /// Adjusted by Holm for all tests of the report.
    pub p_holm: f64,
    /// The smallest true difference that this many tasks show at the chosen alpha and power;
    /// null if none would do, or too few tasks differ to tell.
    pub detectable: Option<f64>,
    /// The same at alpha over the number of tests of the report, which Holm asks of the first.
    pub detectable_in_family: Option<f64>,
}

/// Which test, what it counted, and effect sizes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Test {
    /// Wilcoxon's signed-rank test of the tasks' differences (means over seeds).
    SignedRank {
        /// W, the smaller rank sum.
        statistic: f64,
        /// By the exact distribution, or else the normal approximation.
        exact: bool,
        /// Tasks that differ.
        nonzero: usize,
        /// Tasks that do not.
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
        /// By the exact distribution, or else chi-square.
        exact: bool,
        /// Pairs where only the first cell has it.
        first_only: usize,
        /// Pairs where only the second has it.
        second_only: usize,
        /// Of discordant pairs; null without any. An end or value that is null is infinite.
        odds_ratio: Option<Estimate>,
    },
}

impl Comparison {
    /// As one of `tests` tests, but not yet adjusted for the others. None if an episode lacks the outcome.
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
        // A yes less a no is -1, 0 or 1, and McNemar's; the interaction's are not.
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

/// Newcombe's, of the difference of two shares; values are by task, then seed.
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

/// The ratio of two cells' means: tasks are drawn, each with both cells.
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
