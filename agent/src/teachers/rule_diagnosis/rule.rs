//! Rules, those that fit what was probed, and what to probe next.

use std::cmp::Reverse;
use std::collections::HashSet;

use serde_json::{Value, json};

use super::task::Task;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub a: i64,
    pub b: i64,
    /// The modulus, if the rule has one.
    pub m: Option<i64>,
}

impl Rule {
    /// The rule's answer.
    pub fn answer(&self, x: i64) -> i64 {
        let linear = self.a * x + self.b;
        self.m.map_or(linear, |m| linear.rem_euclid(m))
    }

    /// Its parameters, as they are submitted.
    pub fn parameters(&self) -> Value {
        let Self { a, b, m } = self;
        m.map_or_else(|| json!({ "a": a, "b": b }), |m| json!({ "a": a, "b": b, "m": m }))
    }

    /// The rule as a formula.
    pub fn formula(&self) -> String {
        let Self { a, b, m } = self;
        let (sign, size) = if *b < 0 { ('-', -b) } else { ('+', *b) };
        match m {
            Some(m) => format!("({a} * x {sign} {size}) % {m}"),
            None => format!("{a} * x {sign} {size}"),
        }
    }
}

/// The line through two points.
pub fn line([(x0, y0), (x1, y1)]: [(i64, i64); 2]) -> Rule {
    let a = (y1 - y0) / (x1 - x0);
    Rule { a, b: y0 - a * x0, m: None }
}

/// `a * x + b` from its answer at a single large `x`, if `b` is small beside it.
pub fn line_from_one((x, y): (i64, i64)) -> Rule {
    let a = (y as f64 / x as f64).round() as i64;
    Rule { a, b: y - a * x, m: None }
}

/// The rules with a modulus that have these answers at 0 and 1 and fit all others: one for each modulus above all
/// answers, up to the end of the suggested inputs.
pub fn fitting(task: &Task, seen: &[(i64, i64)]) -> Vec<Rule> {
    let at = |input: i64| seen.iter().find(|(x, _)| *x == input).map(|(_, y)| *y);
    let (Some(b), Some(next)) = (at(0), at(1)) else { return Vec::new() };
    let lowest = seen.iter().map(|(_, y)| *y).max().unwrap_or(0) + 1;
    (lowest..=task.highest_modulus())
        .map(|m| Rule { a: (next - b).rem_euclid(m), b, m: Some(m) })
        .filter(|rule| seen.iter().all(|(x, y)| rule.answer(*x) == *y))
        .collect()
}

/// The input at which these rules differ most; the first of them, if there are several.
pub fn best_input(task: &Task, rules: &[Rule]) -> i64 {
    let answers = |x: i64| rules.iter().map(|rule| rule.answer(x)).collect::<HashSet<_>>().len();
    let inputs = (2..=task.range.1.max(2)).step_by(task.stride() as usize);
    inputs.min_by_key(|&x| Reverse(answers(x))).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teachers::rule_diagnosis::kind::Kind;

    #[test]
    fn lines_are_exact() {
        for rule in [Rule { a: -7, b: 13, m: None }, Rule { a: 9, b: -20, m: None }] {
            let at = |x: i64| (x, rule.answer(x));
            assert_eq!(line([at(-1), at(4)]), rule);
            assert_eq!(line_from_one(at(1000)), rule);
        }
    }

    /// Every rule of the default ranges is among those that fit, and few are left after three probes.
    #[test]
    fn the_right_rule_always_fits_and_probes_leave_few_others() {
        let (mut most, mut all, mut count) = (0, 0, 0);
        for m in [5, 7, 11, 13, 17] {
            let task = Task { kind: Kind::Affine, budget: 3, range: (0, 2 * m), calls: 25 };
            for (a, b) in (1..m).flat_map(|a| (0..m).map(move |b| (a, b))) {
                let hidden = Rule { a, b, m: Some(m) };
                let mut seen: Vec<(i64, i64)> = [0, 1].map(|x| (x, hidden.answer(x))).to_vec();
                let x = best_input(&task, &fitting(&task, &seen));
                seen.push((x, hidden.answer(x)));
                let left = fitting(&task, &seen);
                assert!(left.contains(&hidden), "{hidden:?}");
                most = most.max(left.len());
                (all, count) = (all + left.len(), count + 1);
            }
        }
        assert!(most <= 20 && all < 4 * count, "{most} at most, {all} of {count} rules");
    }
}
