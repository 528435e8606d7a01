//! How long subjects go without an event, when some leave before they had one.

/// A subject: for how long it was watched, and whether that ended in the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// How long, in whole units.
    pub time: usize,
    /// The event ended it; otherwise it is censored: no more is known.
    pub event: bool,
}

/// The curve after a time at which events happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub time: usize,
    /// Subjects watched up to then without the event.
    pub at_risk: usize,
    /// Of them, those that had it then.
    pub events: usize,
    /// Share expected to be without it afterwards.
    pub survival: f64,
    /// Its standard error, by Greenwood's formula: survival * sqrt(sum of d / (n (n - d))); of independent
    /// subjects, and NaN where nobody is left.
    pub standard_error: f64,
}

/// Kaplan and Meier's estimate (1958): the product of 1 - d/n over the times of events. A subject that is
/// censored at a time was still at risk then. As statsmodels' `SurvfuncRight`.
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

/// Subjects watched up to a time without the event before it.
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
