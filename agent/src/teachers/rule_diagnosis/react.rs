//! The policy that calls tools.

use super::kind::Kind;
use super::reasoning::{SOLVED, UNSOLVED};
use super::rule::{self, Rule};
use super::state::MOST_SUBMITTED;
use super::style::LARGE;
use super::task::Task;
use crate::teachers::answer::{Answer, call_with, finish};
use crate::teachers::calls::Called;
use crate::teachers::random::Random;
use crate::teachers::text::Count;

/// The input that confirms `a * x + b`.
const CHECK: i64 = 7;

/// What the calls so far have shown.
struct Known {
    /// Inputs and their answers, in order.
    seen: Vec<(i64, i64)>,
    /// Submitted rules.
    submitted: usize,
    is_solved: bool,
    /// Probes that were refused.
    refused: usize,
}

impl Known {
    fn after(called: &[Called]) -> Self {
        let mut known = Self { seen: Vec::new(), submitted: 0, is_solved: false, refused: 0 };
        for call in called {
            let input = call.arguments.get("x").and_then(|x| x.as_i64());
            let answer = call.answer.as_deref();
            match (call.tool.as_str(), input, answer.and_then(|answer| answer.trim().parse().ok())) {
                ("test_input", Some(x), Some(y)) => known.seen.push((x, y)),
                ("test_input", ..) => known.refused += 1,
                ("submit", ..) => {
                    known.submitted += 1;
                    known.is_solved = answer.is_some_and(|answer| answer.trim() == "true");
                }
                _ => {}
            }
        }
        known
    }

    /// The answer at an input.
    fn at(&self, input: i64) -> Option<(i64, i64)> {
        self.seen.iter().copied().find(|(x, _)| *x == input)
    }

    /// The rules that fit, of which at most a few are worth a submission.
    fn rules(&self, task: &Task) -> Vec<Rule> {
        match (task.kind, self.at(0), self.at(1), self.at(LARGE)) {
            (Kind::Linear, Some(one), Some(other), _) => vec![rule::line([one, other])],
            (Kind::Linear, _, _, Some(one)) => vec![rule::line_from_one(one)],
            (Kind::Linear, ..) => Vec::new(),
            (Kind::Affine, ..) => rule::fitting(task, &self.seen),
        }
    }
}

/// The next answer: to probe, to submit a rule that fits, or to finish.
pub fn answer(task: &Task, called: &[Called], random: &mut Random) -> Answer {
    let known = Known::after(called);
    if known.is_solved {
        return Answer { text: random.pick(&SOLVED).to_owned(), calls: vec![finish()] };
    }
    let probes_left = task.budget.saturating_sub(known.seen.len() + known.refused);
    let first = if task.kind == Kind::Linear && task.budget == 1 { vec![LARGE] } else { vec![0, 1] };
    let new: Vec<i64> = first.into_iter().filter(|&x| known.at(x).is_none()).take(probes_left).collect();
    if !new.is_empty() {
        return probe(
            &new,
            task,
            &[
                "I test {inputs}.",
                "The rule has few parameters. I begin with {inputs}.",
                "I have {left}. The first go to {inputs}.",
                "The answers at {inputs} say the most to begin with.",
            ],
            probes_left,
            random,
        );
    }
    let rules = known.rules(task);
    let is_confirmed = task.kind == Kind::Linear && known.seen.len() > 2;
    let input = match (task.kind, rules.len()) {
        (_, 0) => None,
        (Kind::Linear, _) => (!is_confirmed).then_some(CHECK),
        (Kind::Affine, 1) => None,
        (Kind::Affine, _) => Some(rule::best_input(task, &rules)),
    };
    if let Some(input) = input.filter(|_| probes_left > 0 && known.submitted == 0) {
        let options: &[&str] = match task.kind {
            Kind::Linear => &[
                "That gives {formula}. I confirm it at {inputs}.",
                "So far it looks like {formula}; {inputs} should show whether it is.",
                "{formula} fits. One more probe to be sure, at {inputs}.",
            ],
            Kind::Affine => &[
                "{count} rules fit. They differ most at {inputs}, so I test that.",
                "The modulus is open: {count} candidates. The answer at {inputs} tells most of them apart.",
                "With {left}, I test {inputs}, where the {count} rules that fit disagree.",
            ],
        };
        let words = random.phrase(options, &[("formula", &formula(&rules)), ("count", &rules.len())]);
        return probe(&[input], task, &[words.as_str()], probes_left, random);
    }
    match rules.iter().take(MOST_SUBMITTED).nth(known.submitted) {
        None => Answer { text: random.pick(&UNSOLVED).to_owned(), calls: vec![finish()] },
        Some(next) => {
            let options: &[&str] = match (known.submitted, rules.len()) {
                (0, 1) => &[
                    "The rule is {formula}. I submit it.",
                    "Only {formula} fits, so I submit that.",
                    "I submit {formula}.",
                ],
                (0, _) => &[
                    "{count} rules fit and can't be told apart any more. I try {formula} first.",
                    "No probes are left, and {count} rules fit. The first is {formula}.",
                ],
                _ => &["That was not it. {formula} fits as well.", "Wrong. The next that fits is {formula}."],
            };
            let text = random.phrase(options, &[("formula", &next.formula()), ("count", &rules.len())]);
            Answer { text, calls: vec![call_with("submit", "params", next.parameters().to_string())] }
        }
    }
}

fn formula(rules: &[Rule]) -> String {
    rules.first().map(Rule::formula).unwrap_or_default()
}

/// Probes these inputs, as many as a turn allows.
fn probe(inputs: &[i64], task: &Task, options: &[&str], left: usize, random: &mut Random) -> Answer {
    let now = &inputs[..inputs.len().min(task.calls)];
    let written: Vec<String> = now.iter().map(i64::to_string).collect();
    let text = random.phrase(options, &[("inputs", &written.join(" and ")), ("left", &Count(left, "probe"))]);
    Answer { text, calls: now.iter().map(|&x| call_with("test_input", "x", x)).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Plays to the end: whether it was solved, and how many inputs were tested.
    fn play(task: &Task, hidden: Rule) -> (bool, usize) {
        let (mut solved, mut probes, mut called) = (false, 0, Vec::new());
        for turn in 0..40 {
            let answer = answer(task, &called, &mut Random::of_turn(3, turn));
            assert!(!answer.text.contains('{') && answer.calls.len() <= task.calls, "{answer:?}");
            for call in answer.calls {
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
                let output = match call.name.as_str() {
                    "test_input" => {
                        probes += 1;
                        assert!(probes <= task.budget);
                        hidden.answer(arguments["x"].as_i64().unwrap()).to_string()
                    }
                    "submit" => {
                        let given: Value =
                            serde_json::from_str(arguments["params"].as_str().unwrap()).unwrap();
                        solved = given == hidden.parameters();
                        solved.to_string()
                    }
                    _ => return (solved, probes),
                };
                let arguments = arguments.as_object().cloned().unwrap();
                called.push(Called { tool: call.name, arguments, answer: Some(output) });
            }
        }
        panic!("it never finishes")
    }

    #[test]
    fn lines_are_found_with_any_budget() {
        let hidden = Rule { a: -6, b: 17, m: None };
        for (budget, calls, used) in [(1, 25, 1), (2, 25, 2), (3, 25, 3), (10, 1, 3)] {
            let task = Task { kind: Kind::Linear, budget, range: (-20, 20), calls };
            assert_eq!(play(&task, hidden), (true, used), "budget {budget}");
        }
    }

    #[test]
    fn moduli_are_found_within_the_budget() {
        for m in [5, 7, 11, 13, 17] {
            for (a, b) in (1..m).flat_map(|a| (0..m).map(move |b| (a, b))) {
                let hidden = Rule { a, b, m: Some(m) };
                for (budget, calls) in [(3, 25), (6, 1)] {
                    let task = Task { kind: Kind::Affine, budget, range: (0, 2 * m), calls };
                    assert!(play(&task, hidden).0, "{hidden:?} with {budget} probes");
                }
            }
        }
    }
}
