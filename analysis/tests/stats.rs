//! The statistics against recorded results of scipy and statsmodels (see stats_golden.py).
#![allow(clippy::unwrap_used, reason = "clippy exempts tests, but not their helpers")]

use analysis::stats::bootstrap::Bootstrap;
use analysis::stats::describe::{mean, standardised_mean};
use analysis::stats::detectable::Power;
use analysis::stats::holm;
use analysis::stats::interval::Interval;
use analysis::stats::mcnemar::{Discordant, McNemar, Method};
use analysis::stats::proportion::{self, Counts, Proportion};
use analysis::stats::survival::{Subject, kaplan_meier};
use analysis::stats::wilcoxon::SignedRank;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    mcnemar: Vec<McNemarCase>,
    clustered_mcnemar: Vec<ClusteredCase>,
    proportions: Vec<ProportionCase>,
    differences: Vec<DifferenceCase>,
    clusters: Vec<ClusterCase>,
    holm: Vec<HolmCase>,
    detectable_mean: Vec<MeanCase>,
    detectable_shares: Vec<SharesCase>,
    bootstrap: Vec<BootstrapCase>,
    survival: Vec<SurvivalCase>,
}

#[derive(Deserialize)]
struct McNemarCase {
    b: usize,
    c: usize,
    statistic: f64,
    p_value: f64,
    odds: [Option<f64>; 2],
}

#[derive(Deserialize)]
struct ClusteredCase {
    clusters: Vec<[usize; 2]>,
    p_value: f64,
}

#[derive(Deserialize)]
struct ProportionCase {
    successes: usize,
    trials: usize,
    level: f64,
    wilson: [f64; 2],
    beta: [f64; 2],
}

#[derive(Deserialize)]
struct DifferenceCase {
    first: usize,
    second: usize,
    trials: usize,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct ClusterCase {
    trials: usize,
    successes: Vec<usize>,
    variance: f64,
}

#[derive(Deserialize)]
struct HolmCase {
    p_values: Vec<f64>,
    adjusted: Vec<f64>,
}

#[derive(Deserialize)]
struct MeanCase {
    pairs: usize,
    alpha: f64,
    power: f64,
    effect: f64,
}

#[derive(Deserialize)]
struct SharesCase {
    pairs: usize,
    discordant: f64,
    difference: f64,
    power: f64,
}

#[derive(Deserialize)]
struct BootstrapCase {
    kind: String,
    differences: Vec<f64>,
    mean: Answer,
    standardised: Answer,
    rank_biserial: Answer,
}

#[derive(Deserialize)]
struct SurvivalCase {
    time: Vec<usize>,
    event: Vec<bool>,
    at: Vec<f64>,
    at_risk: Vec<f64>,
    survival: Vec<f64>,
    standard_error: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Answer {
    value: f64,
    low: f64,
    high: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("stats_golden.json")).unwrap()
}

/// Asserts that two numbers differ by at most 1e-8 of the expected one.
fn close(actual: f64, expected: f64, what: &str) {
    assert!((actual - expected).abs() <= 1e-8 * expected.abs(), "{what}: {actual} for {expected}");
}

/// Ends equal to 1e-9.
fn close_interval(actual: Interval, expected: [f64; 2], what: &str) {
    for (actual, expected) in [actual.low, actual.high].into_iter().zip(expected) {
        assert!((actual - expected).abs() <= 1e-9, "{what}: {actual} for {expected}");
    }
}

/// A share of single outcomes.
fn share(successes: usize, trials: usize) -> Proportion {
    let counts = (0..trials).map(|index| Counts { successes: usize::from(index < successes), trials: 1 });
    Proportion::of(&counts.collect::<Vec<_>>()).unwrap()
}

#[test]
fn mcnemar_agrees_with_statsmodels() {
    let mut approximated = 0;
    for case in golden().mcnemar {
        let what = format!("{} and {}", case.b, case.c);
        let first = Discordant { first_only: 1, second_only: 0 };
        let second = Discordant { first_only: 0, second_only: 1 };
        let test = McNemar::of(&[vec![first; case.b], vec![second; case.c]].concat());
        close(test.statistic, case.statistic, &what);
        close(test.p_value, case.p_value, &what);
        let odds = test.odds_ratio(0.95).unwrap().interval.unwrap();
        close(odds.low, case.odds[0].unwrap(), &what);
        match case.odds[1] {
            Some(high) => close(odds.high, high, &what),
            None => assert_eq!(odds.high, f64::INFINITY, "{what}"),
        }
        approximated += usize::from(test.method == Method::ChiSquare);
    }
    assert!(approximated > 3);
}

#[test]
fn mcnemar_in_clusters_agrees_with_scipys_permutation_test() {
    for case in golden().clustered_mcnemar {
        let clusters = case.clusters.iter().map(|[b, c]| Discordant { first_only: *b, second_only: *c });
        let test = McNemar::of(&clusters.collect::<Vec<_>>());
        close(test.p_value, case.p_value, &format!("{:?}", case.clusters));
    }
}

#[test]
fn intervals_of_shares_agree_with_statsmodels() {
    for case in golden().proportions {
        let proportion = share(case.successes, case.trials);
        let what = format!("{} of {}", case.successes, case.trials);
        close_interval(proportion.wilson(case.level), case.wilson, &what);
        close_interval(proportion.clopper_pearson(case.level), case.beta, &what);
    }
}

#[test]
fn intervals_of_differences_agree_with_statsmodels() {
    for case in golden().differences {
        let (first, second) = (share(case.first, case.trials), share(case.second, case.trials));
        let interval = proportion::difference(&first, &second, 0.0, 0.95);
        close_interval(interval, [case.low, case.high], &format!("{} and {}", case.first, case.second));
    }
}

#[test]
fn variances_over_clusters_agree_with_statsmodels() {
    for case in golden().clusters {
        let counts = case.successes.iter().map(|&successes| Counts { successes, trials: case.trials });
        let proportion = Proportion::of(&counts.collect::<Vec<_>>()).unwrap();
        let clusters = case.successes.len() as f64;
        let effective = proportion.share * (1.0 - proportion.share) / case.variance;
        let expected = effective.clamp(clusters, clusters * case.trials as f64);
        close(proportion.effective_trials, expected, &format!("{:?}", case.successes));
    }
}

#[test]
fn holm_agrees_with_statsmodels() {
    for case in golden().holm {
        for (actual, expected) in holm::adjust(&case.p_values).into_iter().zip(&case.adjusted) {
            close(actual, *expected, &format!("{:?}", case.p_values));
        }
    }
}

#[test]
fn detectable_means_are_close_to_those_by_the_noncentral_t() {
    for case in golden().detectable_mean {
        let power = Power { alpha: case.alpha, power: case.power };
        let effect = power.detectable_mean(case.pairs, 1.0).unwrap();
        let error = (effect / case.effect - 1.0).abs();
        // The approximation is coarser far out in the tail, with few degrees of freedom.
        let tolerance = if case.alpha >= 0.05 { 0.01 } else { 0.06 };
        assert!(error < tolerance, "{} pairs, {power:?}: {effect} for {}", case.pairs, case.effect);
    }
}

#[test]
fn detectable_shares_solve_connors_equation() {
    for case in golden().detectable_shares {
        let power = Power { alpha: 0.05, power: 0.8 };
        let differs = |index: usize| index as f64 + 0.5 < case.discordant * case.pairs as f64;
        let differences: Vec<f64> =
            (0..case.pairs).map(|index| f64::from(u8::from(differs(index)))).collect();
        let difference = power.detectable_shares(&differences).unwrap();
        close(difference, case.difference, &format!("{} pairs, {}", case.pairs, case.discordant));
        // The test's actual power there, by enumeration.
        assert!((0.79..0.85).contains(&case.power), "{}", case.power);
    }
}

#[test]
fn bootstrap_intervals_agree_with_scipy() {
    let bootstrap = Bootstrap { resamples: 20_000, level: 0.95, seed: 1 };
    let rank_biserial = |values: &[f64]| SignedRank::of(values).map(|test| test.rank_biserial());
    type Statistic<'a> = &'a dyn Fn(&[f64]) -> Option<f64>;
    for case in golden().bootstrap {
        let statistics: [(Statistic<'_>, &Answer); 3] = [
            (&mean, &case.mean),
            (&standardised_mean, &case.standardised),
            (&rank_biserial, &case.rank_biserial),
        ];
        for (statistic, expected) in statistics {
            close(statistic(&case.differences).unwrap(), expected.value, &case.kind);
            let of_drawn = |drawn: &[usize]| {
                let values: Vec<f64> = drawn.iter().map(|&index| case.differences[index]).collect();
                statistic(&values).unwrap()
            };
            let interval = bootstrap.interval(case.differences.len(), of_drawn).unwrap();
            // The random draws differ; 3 % of the width is six standard errors of an end.
            let tolerance = 0.03 * (expected.high - expected.low);
            let error = (interval.low - expected.low).abs().max((interval.high - expected.high).abs());
            assert!(error < tolerance, "{}: {interval:?} for {} {}", case.kind, expected.low, expected.high);
        }
    }
}

#[test]
fn survival_curves_agree_with_statsmodels() {
    for case in golden().survival {
        let subjects = case.time.iter().zip(&case.event);
        let subjects: Vec<Subject> = subjects.map(|(&time, &event)| Subject { time, event }).collect();
        let points = kaplan_meier(&subjects);
        assert_eq!(points.len(), case.at.len());
        for (index, point) in points.iter().enumerate() {
            assert_eq!((point.time as f64, point.at_risk as f64), (case.at[index], case.at_risk[index]));
            close(point.survival, case.survival[index], &format!("at {}", point.time));
            match case.standard_error[index] {
                Some(expected) => close(point.standard_error, expected, &format!("at {}", point.time)),
                None => assert!(point.standard_error.is_nan()),
            }
        }
    }
}
