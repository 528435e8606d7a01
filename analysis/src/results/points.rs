//! A value over steps, thinned.

use serde::{Deserialize, Serialize};

/// Most points of a curve that are kept.
const POINTS: usize = 200;

/// Values over steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// Steps done.
    pub step: Vec<u64>,
    /// The value after that many steps.
    pub value: Vec<f64>,
}

impl Points {
    /// The means of equal groups of consecutive points, at most [`POINTS`] groups, each at its group's last
    /// step; rounded to four decimals.
    pub fn thinned(points: Vec<(u64, f64)>) -> Self {
        let groups = points.chunks(points.len().div_ceil(POINTS).max(1));
        let (step, value) = groups
            .filter_map(|group| {
                let mean = group.iter().map(|(_, value)| value).sum::<f64>() / group.len() as f64;
                Some((group.last()?.0, (mean * 1e4).round() / 1e4))
            })
            .unzip();
        Self { step, value }
    }

    /// Pairs of step and value.
    pub fn pairs(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        self.step.iter().copied().zip(self.value.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_mean_and_its_end() {
        let points = Points::thinned((1..=1_000).map(|step| (step, step as f64)).collect());
        assert_eq!((points.step.len(), points.step.last()), (POINTS, Some(&1_000)));
        assert_eq!(points.value[0], 3.0);
        let few = Points::thinned(vec![(1, 0.5), (2, 0.25)]);
        assert_eq!(few.pairs().collect::<Vec<_>>(), [(1, 0.5), (2, 0.25)]);
        assert_eq!(Points::thinned(Vec::new()), Points::default());
    }
}
