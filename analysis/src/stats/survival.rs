//! Survival analysis: how long subjects have no event, if some are observed only until an earlier time.

/// A subject: how long it was observed, and whether the event ended that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// How long it was observed, in whole units.
    pub time: usize,
    /// Whether the event happened then. Otherwise the subject is censored: nothing is known of later times.
    pub event: bool,
}

/// The curve after a time at which events happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The time.
    pub time: usize,
    /// Number of subjects that were observed until then and had no event before.
    pub at_risk: usize,
    /// Number of these that had the event then.
    pub events: usize,
    /// The estimated share without the event after that time.
    pub survival: f64,
    /// Its standard error, by Greenwood's formula: survival * sqrt(sum of d / (n (n - d))). It is for
    /// independent subjects, and NaN if no subject is left.
    pub standard_error: f64,
}

/// Kaplan and Meier's estimate (1958): the product of 1 - d/n over the times of events. A subject that is
/// censored at a time is still at risk then, as in statsmodels' `SurvfuncRight`.
pub fn kaplan_meier(subjects: &[Subject]) -> Vec<Point> {
    let mut times: Vec<usize> = subjects.iter().filter(|subject| subject.event).map(|s| s.time).collect();
    times.sort_unstable();
    times.dedup();
    let (mut survival, mut variance) = (1.0, 0.0);
    let point = |time| {
        let at_risk = at_risk(subjects, time);
        let events = subjects.iter().filter(|subject| subject.event && subject.time == time).count();
        let (n, d) = (at_risk as f64, events as f64);
        survival *= 1.0 - d / n;
        variance += d / (n * (n - d));
        Point { time, at_risk, events, survival, standard_error: survival * f64::sqrt(variance) }
    };
    times.into_iter().map(point).collect()
}

/// The number of subjects that were observed until a time and had no event before it.
pub fn at_risk(subjects: &[Subject], time: usize) -> usize {
    subjects.iter().filter(|subject| subject.time >= time).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_the_event() {
        assert_eq!(kaplan_meier(&[Subject { time: 3, event: false }; 4]), []);
        assert_eq!(kaplan_meier(&[]), []);
    }

    #[test]
    fn without_censoring_it_is_the_share_left() {
        let subjects = [1, 1, 2, 5].map(|time| Subject { time, event: true });
        let left: Vec<f64> = kaplan_meier(&subjects).iter().map(|point| point.survival).collect();
        assert_eq!(left, [0.5, 0.25, 0.0]);
    }
}
