//! Properties of the statistics that hold for all numbers.

use analysis::stats::detectable::Power;
use analysis::stats::holm;
use analysis::stats::mcnemar::{Discordant, McNemar};
use analysis::stats::proportion::{Counts, Proportion};
use analysis::stats::wilcoxon::{SignedRank, Zeros};
use proptest::collection::vec;
use proptest::prelude::*;

fn clusters() -> impl Strategy<Value = Vec<Discordant>> {
    let cluster = (0..4_usize, 0..4_usize);
    vec(cluster.prop_map(|(first_only, second_only)| Discordant { first_only, second_only }), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn adjusted_p_values_keep_their_order_and_never_shrink(p_values in vec(0.0..=1.0, 0..40)) {
        let adjusted = holm::adjust(&p_values);
        for (p, q) in p_values.iter().zip(&adjusted) {
            prop_assert!(p <= q && *q <= 1.0);
            prop_assert!(p_values.iter().zip(&adjusted).all(|(r, s)| r >= p || s <= q));
        }
    }

    #[test]
    fn other_signs_say_the_same_of_the_other_side(differences in vec(-6..7_i32, 1..70)) {
        let differences: Vec<f64> = differences.into_iter().map(f64::from).collect();
        let flipped: Vec<f64> = differences.iter().rev().map(|d| -d).collect();
        for zeros in [Zeros::Drop, Zeros::Pratt, Zeros::Split] {
            let test = SignedRank::with_zeros(&differences, zeros).unwrap();
            let other = SignedRank::with_zeros(&flipped, zeros).unwrap();
            prop_assert!(0.0 < test.p_value && test.p_value <= 1.0);
            prop_assert!((test.p_value - other.p_value).abs() < 1e-12);
            prop_assert!((test.rank_biserial() + other.rank_biserial()).abs() < 1e-12);
        }
    }

    #[test]
    fn the_other_side_has_the_inverse_odds(clusters in clusters()) {
        let swapped: Vec<Discordant> = clusters
            .iter()
            .map(|d| Discordant { first_only: d.second_only, second_only: d.first_only })
            .collect();
        let (test, other) = (McNemar::of(&clusters), McNemar::of(&swapped));
        prop_assert!((test.p_value - other.p_value).abs() < 1e-12);
        if let (Some(odds), Some(inverse)) = (test.odds_ratio(0.95), other.odds_ratio(0.95)) {
            let (interval, swapped) = (odds.interval.unwrap(), inverse.interval.unwrap());
            prop_assert!(interval.low <= odds.value && odds.value <= interval.high);
            prop_assert!((interval.low * swapped.high - 1.0).abs() < 1e-6 || interval.low == 0.0);
        }
    }

    #[test]
    fn intervals_hold_their_share(counts in vec((0..5_usize, 0..5_usize), 1..40)) {
        let counts: Vec<Counts> =
            counts.into_iter().map(|(yes, no)| Counts { successes: yes, trials: yes + no }).collect();
        if let Some(proportion) = Proportion::of(&counts) {
            let total: usize = counts.iter().map(|cluster| cluster.trials).sum();
            prop_assert!((1.0..=total as f64).contains(&proportion.effective_trials));
            for interval in [proportion.wilson(0.95), proportion.clopper_pearson(0.95)] {
                prop_assert!(0.0 <= interval.low && interval.high <= 1.0);
                prop_assert!(interval.low <= proportion.share + 1e-12 && proportion.share <= interval.high + 1e-12);
            }
        }
    }

    #[test]
    fn a_surer_test_sees_only_larger_differences(differences in vec(-1..=1_i8, 10..500)) {
        let differences: Vec<f64> = differences.into_iter().map(f64::from).collect();
        let sees = |alpha: f64, power: f64| {
            let power = Power { alpha, power };
            (power.detectable_mean(differences.len(), 1.0), power.detectable_shares(&differences))
        };
        let (mean, shares) = sees(0.05, 0.8);
        for (surer_mean, surer_shares) in [sees(0.01, 0.8), sees(0.05, 0.9)] {
            prop_assert!(mean < surer_mean);
            if let (Some(shares), Some(surer_shares)) = (shares, surer_shares) {
                prop_assert!(shares < surer_shares);
            }
        }
    }
}
