//! Where an episode of the persistent policy stands.

use super::style::{Report, Style};
use crate::teachers::conversation::Observation;
use crate::teachers::knapsack::closing::Ending;
use crate::teachers::knapsack::goal::Goal;
use crate::teachers::knapsack::task::Task;
use crate::teachers::text::numbers;

/// After this many losses of state, the policy inspects no more and chooses among what it has seen.
const MAX_LOSSES: usize = 12;

/// Where the episode stands, as far as the observations show.
#[derive(Debug)]
pub struct State {
    pub goal: Goal,
    /// The undefined name that stopped the last block; the next block defines it again.
    pub missing: Option<String>,
    /// How often a block was stopped by an undefined name.
    losses: usize,
    /// Consecutive failures of other kinds.
    failures: usize,
    /// How many items have been inspected: all before this index.
    pub inspected: usize,
    /// By index of the item: whether a recovery inspected it again. Recoveries print the allowed ones.
    reviewed: Vec<bool>,
    /// The ids that recoveries printed: allowed items.
    printed: Vec<String>,
    /// How many of the items inspected so far are allowed, if the code printed it.
    pub allowed_count: Option<usize>,
    /// Number and total value of the chosen items.
    pub best_set: Option<(usize, usize)>,
    /// The chosen ids, if they were printed.
    pub chosen: Vec<String>,
}

impl State {
    /// The state before the first turn.
    pub fn new(task: &Task, style: &Style) -> Self {
        Self {
            goal: Goal::Inspect { from: 0, to: style.batch.min(task.to_inspect()) },
            missing: None,
            losses: 0,
            failures: 0,
            inspected: 0,
            reviewed: vec![false; task.ids.len()],
            printed: Vec::new(),
            allowed_count: None,
            best_set: None,
            chosen: Vec::new(),
        }
    }

    /// Takes in the result of the block for `goal`.
    pub fn observe(&mut self, task: &Task, style: &Style, observation: &Observation) {
        if let Some(name) = observation.missing_name() {
            self.losses += 1;
            self.allowed_count = None; // the code counts from zero after a loss
            self.missing = Some(name.to_owned());
            if self.losses >= MAX_LOSSES && matches!(self.goal, Goal::Inspect { .. }) {
                self.goal = Goal::Choose;
            }
        } else if observation.error.is_some() {
            self.failures += 1;
            if self.failures >= 3 || matches!(self.goal, Goal::Take { .. } | Goal::ChooseAndTake) {
                // Some items may be taken already, so repeating the block would fail too.
                self.goal = Goal::Finish;
                self.missing = None;
            }
        } else {
            self.failures = 0;
            self.succeed(task, style, &observation.output);
            self.missing = None;
        }
    }

    fn succeed(&mut self, task: &Task, style: &Style, output: &str) {
        self.goal = match self.goal {
            Goal::Inspect { from, to } => {
                if self.missing.is_some() {
                    for index in self.window(task, from, to) {
                        self.reviewed[index] = true;
                    }
                    for id in task.ids_in(output) {
                        if !self.printed.contains(&id) {
                            self.printed.push(id);
                        }
                    }
                }
                self.inspected = self.inspected.max(to);
                if style.report == Report::PrintsAllowed && self.losses == 0 {
                    self.allowed_count = numbers(output).get(1).copied();
                }
                let all = task.to_inspect();
                if to < all {
                    Goal::Inspect { from: to, to: (to + style.batch).min(all) }
                } else if style.take_at_once {
                    Goal::ChooseAndTake
                } else {
                    Goal::Choose
                }
            }
            // A recovery only chooses, and prints the chosen ids.
            Goal::ChooseAndTake if self.missing.is_none() => {
                self.best_set = output.lines().find_map(read_count_and_value);
                Goal::Finish
            }
            Goal::Choose | Goal::ChooseAndTake => {
                self.chosen = task.ids_in(output); // only a recovery prints them
                self.best_set = output.lines().find_map(read_count_and_value);
                if self.ending() == Ending::Empty { Goal::Finish } else { Goal::Take { from: 0 } }
            }
            Goal::Take { from } => match self.best_set {
                Some((count, _)) if from + task.calls < count => Goal::Take { from: from + task.calls },
                _ => Goal::Finish,
            },
            Goal::Finish => Goal::Finish,
        };
    }

    /// The items that a recovery inspects after the block for `from..to` failed: those and, as far as the
    /// tool calls of a step allow (one lists the items), those before them.
    pub fn window(&self, task: &Task, from: usize, to: usize) -> std::ops::Range<usize> {
        let first = to.saturating_sub(task.calls - 1);
        if from == 0 { 0..to } else { first..to }
    }

    /// Whether the next block also finishes: it takes the last of the chosen items and has a tool call left.
    pub fn finishes(&self, task: &Task, style: &Style) -> bool {
        match self.goal {
            Goal::Take { from } => {
                let fits = |(count, _): (usize, usize)| count.saturating_sub(from) < task.calls;
                style.finishes_at_once && self.best_set.is_some_and(fits) && !self.chooses_again()
            }
            Goal::ChooseAndTake => style.finishes_at_once && self.missing.is_none(),
            _ => false,
        }
    }

    /// How the episode went, if it ends here.
    pub fn ending(&self) -> Ending {
        match self.best_set {
            _ if self.failures > 0 => Ending::Failed,
            Some((0, _)) => Ending::Empty,
            _ => Ending::Packed,
        }
    }

    /// Whether the next block has to choose again before it takes.
    pub fn chooses_again(&self) -> bool {
        self.missing.is_some() && self.chosen.is_empty()
    }

    /// The items to inspect again before choosing, at most `calls`: first those known to be allowed, then
    /// those about which nothing was printed.
    pub fn to_inspect_again(&self, task: &Task, calls: usize) -> Vec<String> {
        let unknown =
            (0..self.inspected).filter(|&index| !self.reviewed[index]).map(|index| &task.ids[index]);
        self.printed.iter().chain(unknown).take(calls).cloned().collect()
    }
}

/// The count and the value in a line such as `7 items, value 420`.
fn read_count_and_value(line: &str) -> Option<(usize, usize)> {
    match numbers(line)[..] {
        [count, value] if line.contains("items, value") => Some((count, value)),
        _ => None,
    }
}
