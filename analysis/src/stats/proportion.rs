//! The share of yes among yes-or-no outcomes in clusters, with intervals.

use statrs::distribution::{Beta, ContinuousCDF as _, Normal};

use super::interval::Interval;

/// The outcomes of one cluster, such as a task's episodes under several seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Number of yes.
    pub successes: usize,
    /// Number of outcomes.
    pub trials: usize,
}

/// A share, and the number of independent outcomes that are worth as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportion {
    /// Successes over trials.
    pub share: f64,
    /// The effective number of independent outcomes: trials over the design effect (Kish 1965; Korn and
    /// Graubard 1998).
    ///
    /// The design effect is the variance of the share over clusters (the sandwich estimate,
    /// K/(K-1) sum (y - share n)^2 / (sum n)^2), over share (1 - share) / sum n.
    ///
    /// The number is limited to at most the number of outcomes and at least the number of clusters. It is the
    /// number of clusters if the share is 0 or 1, or if there is one cluster: then the sample does not
    /// determine the effect.
    pub effective_trials: f64,
}

impl Proportion {
    /// The share of these clusters; none without outcomes.
    pub fn of(clusters: &[Counts]) -> Option<Self> {
        let successes: usize = clusters.iter().map(|cluster| cluster.successes).sum();
        let trials: usize = clusters.iter().map(|cluster| cluster.trials).sum();
        if trials == 0 {
            return None;
        }
        let share = successes as f64 / trials as f64;
        let trials = trials as f64;
        let clusters = clusters.iter().filter(|cluster| cluster.trials > 0);
        let count = clusters.clone().count() as f64;
        let squares: f64 = clusters.map(|c| (c.successes as f64 - share * c.trials as f64).powi(2)).sum();
        let variance = count / (count - 1.0) * squares / (trials * trials);
        let effective_trials = if share == 0.0 || share == 1.0 || count == 1.0 {
            count
        } else {
            (share * (1.0 - share) / variance).clamp(count, trials)
        };
        Some(Self { share, effective_trials })
    }

    /// Wilson's score interval (Wilson 1927). It is within 0 and 1, and has a width at both. As in
    /// statsmodels' `proportion_confint(method="wilson")`.
    pub fn wilson(&self, level: f64) -> Interval {
        let n = self.effective_trials;
        let z = Normal::standard().inverse_cdf(f64::midpoint(1.0, level));
        let scale = 1.0 + z * z / n;
        let center = (self.share + z * z / (2.0 * n)) / scale;
        let spread = z / scale * (self.share * (1.0 - self.share) / n + z * z / (4.0 * n * n)).sqrt();
        Interval { low: (center - spread).max(0.0), high: (center + spread).min(1.0) }
    }

    /// The interval that contains the true share with a probability of at least `level` (Clopper and Pearson
    /// 1934), as in statsmodels' `proportion_confint(method="beta")`.
    pub fn clopper_pearson(&self, level: f64) -> Interval {
        let tail = (1.0 - level) / 2.0;
        let yes = self.share * self.effective_trials;
        let no = self.effective_trials - yes;
        let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map(|beta| beta.inverse_cdf(p));
        Interval {
            low: quantile(yes, no + 1.0, tail).unwrap_or(0.0), // no Beta(0, _): no success
            high: quantile(yes + 1.0, no, 1.0 - tail).unwrap_or(1.0), // no Beta(_, 0): only successes
        }
    }
}

/// The interval of the difference of two paired shares, `first` less `second`, from the Wilson intervals of
/// both (Newcombe 1998). `correlation` is that of the pairs.
///
/// Unlike the bootstrap's interval, it has a width even if all outcomes of both sides are equal. With a
/// correlation of 0 it is statsmodels' `confint_proportions_2indep(method="newcomb")`.
pub fn difference(first: &Proportion, second: &Proportion, correlation: f64, level: f64) -> Interval {
    let (a, b) = (first.wilson(level), second.wilson(level));
    let added = |x: f64, y: f64| (x * x - 2.0 * correlation * x * y + y * y).max(0.0).sqrt();
    let difference = first.share - second.share;
    Interval {
        low: difference - added(first.share - a.low, b.high - second.share),
        high: difference + added(a.high - first.share, second.share - b.low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters(successes: &[usize], trials: usize) -> Proportion {
        let counts = successes.iter().map(|&successes| Counts { successes, trials });
        Proportion::of(&counts.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn single_outcomes_are_worth_what_they_are() {
        let proportion = clusters(&[1, 0, 0, 1, 1, 0, 0, 0], 1);
        assert_eq!((proportion.share, proportion.effective_trials), (0.375, 8.0));
        assert_eq!(Proportion::of(&[]), None);
    }

    #[test]
    fn repeats_that_always_agree_are_worth_one() {
        assert_eq!(clusters(&[3, 0, 0, 3, 3, 0, 0, 0], 3).effective_trials, 8.0);
        assert_eq!(clusters(&[3; 8], 3).effective_trials, 8.0);
        // As if drawn independently: 8 of 8 clusters have half.
        assert_eq!(clusters(&[1; 8], 2).effective_trials, 16.0);
    }

    #[test]
    fn the_difference_of_pairs_is_covered() {
        use rand::RngExt as _;
        use rand_chacha::ChaCha8Rng;
        use rand_chacha::rand_core::SeedableRng as _;

        // 1,500 samples of 60 pairs with shares 0.9 and 0.75: where the first has it, the second has it 5 in
        // 6 times.
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let covered = (0..1_500).filter(|_| {
            let pairs = (0..60).map(|_| {
                let first = rng.random::<f64>() < 0.9;
                let second = first && rng.random::<f64>() < 5.0 / 6.0;
                (f64::from(u8::from(first)), f64::from(u8::from(second)))
            });
            let (first, second): (Vec<f64>, Vec<f64>) = pairs.unzip();
            let share = |values: &[f64]| clusters(&values.iter().map(|v| *v as usize).collect::<Vec<_>>(), 1);
            let correlation = crate::stats::describe::correlation(&first, &second);
            let interval = difference(&share(&first), &share(&second), correlation, 0.95);
            interval.low <= 0.15 && 0.15 <= interval.high
        });
        let share = covered.count() as f64 / 1_500.0;
        assert!((0.93..=0.98).contains(&share), "{share}");
    }

    #[test]
    fn the_ends_are_reached() {
        assert_eq!(clusters(&[0; 50], 1).wilson(0.95).low, 0.0);
        assert_eq!(clusters(&[1; 50], 1).wilson(0.95).high, 1.0);
        assert_eq!(clusters(&[0; 50], 1).clopper_pearson(0.95).low, 0.0);
        // The rule of three: 1 - 0.025^(1/50).
        let high = clusters(&[0; 50], 1).clopper_pearson(0.95).high;
        assert!((high - (1.0 - 0.025_f64.powf(1.0 / 50.0))).abs() < 1e-9);
    }
}
