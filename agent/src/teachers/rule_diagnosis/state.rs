//! Where an episode of a policy that writes Python stands.

use super::goal::Goal;
use super::kind::Kind;
use super::rule::Rule;
use super::style::Style;
use super::task::Task;
use crate::teachers::conversation::Observation;
use crate::teachers::text::integers;
use crate::teachers::trouble::Trouble;

/// Where the episode stands, as far as the outputs show.
#[derive(Debug)]
pub struct State {
    /// What the next block is for.
    pub goal: Goal,
    /// What was probed: input and answer, in order.
    pub seen: Vec<(i64, i64)>,
    /// The rules that fit, as they were printed; the code prints the first [`MOST_SUBMITTED`].
    pub rules: Vec<Rule>,
    /// How many rules fit.
    pub count: usize,
    /// Whether a submission was right.
    pub is_solved: bool,
    /// Whether a block has run to its end.
    pub has_begun: bool,
    /// What went wrong in the last blocks.
    pub trouble: Trouble,
}

/// How many of the rules that fit are submitted at most; a block prints no more of them.
pub const MOST_SUBMITTED: usize = 20;

impl State {
    /// The state before the first turn.
    pub fn new(task: &Task, style: &Style) -> Self {
        let mut state = Self {
            goal: Goal::Finish,
            seen: Vec::new(),
            rules: Vec::new(),
            count: 0,
            is_solved: false,
            has_begun: false,
            trouble: Trouble::default(),
        };
        state.goal = state.probe_or_solve(task, style);
        state
    }

    /// Takes in the result of the block for `goal`.
    pub fn observe(&mut self, task: &Task, style: &Style, observation: &Observation) {
        if !self.trouble.observe(observation) {
            if self.trouble.gives_up() {
                self.goal = Goal::Finish;
            }
            return;
        }
        self.has_begun = true;
        for line in observation.output.lines() {
            self.read(task, line);
        }
        self.goal = match self.goal {
            Goal::Probe(_) => self.probe_or_solve(task, style),
            Goal::Solve { .. } if self.rules.is_empty() => Goal::Finish,
            Goal::Solve { .. } if task.kind == Kind::Linear => Goal::Submit { from: 0 },
            Goal::Solve { .. } if self.count > 1 && self.seen.len() < task.budget => {
                Goal::Solve { probes: true }
            }
            Goal::Solve { .. } => Goal::Submit { from: 0 },
            Goal::Submit { .. } if self.is_solved => Goal::Finish,
            Goal::Submit { from } => match from + style.submissions(task) {
                next if next < self.rules.len() => Goal::Submit { from: next },
                _ => Goal::Finish,
            },
            Goal::Finish => Goal::Finish,
        };
    }

    /// Reads a line such as `7: 12`, `a = 3, b = -4`, `2 fit: [(2, 3, 5), (2, 3, 7)]` or `True`.
    fn read(&mut self, task: &Task, line: &str) {
        let found = integers(line);
        let line = line.trim();
        if let (Some((count, _)), [_, parameters @ ..]) = (line.split_once(" fit: "), found.as_slice()) {
            self.count = count.parse().unwrap_or(0);
            let rule = |triple: &[i64]| Rule { a: triple[0], b: triple[1], m: Some(triple[2]) };
            self.rules = parameters.chunks_exact(3).map(rule).collect();
        } else if let (true, [a, b]) = (line.starts_with("a = "), found.as_slice()) {
            self.count = 1;
            self.rules = vec![Rule { a: *a, b: *b, m: None }];
        } else if line.ends_with("True") && matches!(self.goal, Goal::Submit { .. }) {
            self.is_solved = true;
        } else if let (true, [x, y]) = (self.seen.len() < task.budget, found.as_slice()) {
            self.seen.push((*x, *y));
        }
    }

    /// The first inputs that are not probed yet, as many as a step allows; then the rules.
    fn probe_or_solve(&self, task: &Task, style: &Style) -> Goal {
        let is_new = |x: &&i64| self.seen.iter().all(|(seen, _)| seen != *x);
        let rest: Vec<i64> = style.first.iter().filter(is_new).take(task.calls).copied().collect();
        match (rest.is_empty(), task.kind, task.budget) {
            (false, ..) => Goal::Probe(rest),
            // One answer says too little about a rule with a modulus.
            (true, Kind::Affine, ..2) => Goal::Finish,
            (true, ..) => Goal::Solve { probes: self.seen.len() < task.budget },
        }
    }
}
