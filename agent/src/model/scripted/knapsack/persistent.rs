//! The persistent habit: define once, then rely on it.
//!
//! The first block lists the items and defines a helper that inspects a batch
//! and stores what it finds; later blocks call it, choose, take and finish, and
//! print little. Where a name turns out to be missing, the habit sets up again
//! what it had and retries, and then relies on its variables once more.

use super::finishing::Ending;
use super::names::Names;
use super::solver::Solver;
use super::{Puzzle, numbers};
use crate::model::scripted::conversation::{Conversation, Observation};
use crate::model::scripted::voice::Voice;

mod code;
mod words;

/// After so many losses, what has been seen has to do.
const PATIENCE: usize = 12;

/// Writes the next answer.
pub fn answer(puzzle: &Puzzle, conversation: &Conversation, seed: u64) -> String {
    let style = Style::draw(puzzle, &mut Voice::of_episode(seed));
    let mut state = State::new(puzzle, &style);
    for observation in &conversation.turns {
        state.observe(puzzle, &style, observation);
    }
    let mut voice = Voice::of_turn(seed, conversation.turns.len());
    code::write(puzzle, &style, &state, &mut voice)
}

/// What holds for a whole episode.
#[derive(Debug)]
struct Style {
    names: Names,
    rows: Rows,
    solver: Solver,
    /// Items in a batch.
    batch: usize,
    /// Whether choosing and taking are one block.
    take_at_once: bool,
    /// What the helper tells of a batch.
    report: Report,
    /// Whether taking and finishing are one block, where they fit.
    finishes_at_once: bool,
    /// Whether `json` is imported, although it is there.
    imports_json: bool,
}

/// How inspected items are stored.
#[derive(Clone, Copy, Debug)]
enum Rows {
    /// id -> (class, weight, value)
    Tuples,
    /// id -> the decoded answer
    Dicts,
    /// (id, class, weight, value) in a list
    List,
}

/// What the helper tells of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    /// It returns how many items are known.
    ReturnsCount,
    /// It prints how many items are known.
    PrintsCount,
    /// It also prints how many of them are allowed.
    PrintsAllowed,
}

impl Style {
    fn draw(puzzle: &Puzzle, voice: &mut Voice) -> Self {
        Self {
            names: Names::draw(voice),
            rows: voice.pick(&[Rows::Tuples, Rows::Dicts, Rows::List]),
            solver: Solver::draw(voice),
            // Two batches fit into a step, so that the first recovery can look at everything again.
            batch: puzzle.batch(voice.between(6, 10)).min((puzzle.calls / 2).max(4)),
            take_at_once: voice.pick(&[true, false]) && puzzle.can_choose_and_take(),
            report: voice.pick(&[Report::ReturnsCount, Report::PrintsCount, Report::PrintsAllowed]),
            finishes_at_once: voice.pick(&[true, false]),
            imports_json: voice.pick(&[true, false]),
        }
    }
}

/// What the next block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// Inspect items `from..to`.
    Look { from: usize, to: usize },
    /// Find the best set.
    Choose,
    /// Find it and take it.
    ChooseAndTake,
    /// Take the chosen items from this one on, as many as a step allows.
    Take { from: usize },
    /// End the episode.
    Finish,
}

/// Where the episode stands, as far as the observations tell.
#[derive(Debug)]
struct State {
    goal: Goal,
    /// The name whose loss the next block has to make good.
    missing: Option<String>,
    /// Times that names were missing.
    losses: usize,
    /// Failures of other kinds in a row.
    failures: usize,
    /// Items inspected at some time: all before this one.
    looked: usize,
    /// Which of them a recovery has looked at again, and printed if allowed.
    reviewed: Vec<bool>,
    /// The ids that recoveries printed: allowed ones.
    printed: Vec<String>,
    /// How many of the items inspected so far are allowed, where that was told.
    allowed_count: Option<usize>,
    /// How many items were chosen, and their value.
    verdict: Option<(usize, usize)>,
    /// The chosen ids, where they were printed.
    chosen: Vec<String>,
}

impl State {
    fn new(puzzle: &Puzzle, style: &Style) -> Self {
        Self {
            goal: Goal::Look { from: 0, to: style.batch.min(puzzle.to_inspect()) },
            missing: None,
            losses: 0,
            failures: 0,
            looked: 0,
            reviewed: vec![false; puzzle.ids.len()],
            printed: Vec::new(),
            allowed_count: None,
            verdict: None,
            chosen: Vec::new(),
        }
    }

    /// Takes in what the block for `goal` came to.
    fn observe(&mut self, puzzle: &Puzzle, style: &Style, observation: &Observation) {
        if let Some(name) = observation.missing_name() {
            self.losses += 1;
            self.allowed_count = None; // later counts begin anew
            self.missing = Some(name.to_owned());
            if self.losses >= PATIENCE && matches!(self.goal, Goal::Look { .. }) {
                self.goal = Goal::Choose;
            }
        } else if observation.error.is_some() {
            self.failures += 1;
            if self.failures >= 3 || matches!(self.goal, Goal::Take { .. } | Goal::ChooseAndTake) {
                // Some items may be taken already: doing it over would fail too.
                self.goal = Goal::Finish;
                self.missing = None;
            }
        } else {
            self.failures = 0;
            self.succeed(puzzle, style, &observation.output);
            self.missing = None;
        }
    }

    fn succeed(&mut self, puzzle: &Puzzle, style: &Style, output: &str) {
        self.goal = match self.goal {
            Goal::Look { from, to } => {
                if self.missing.is_some() {
                    for index in self.window(puzzle, from, to) {
                        self.reviewed[index] = true;
                    }
                    for id in puzzle.ids_in(output) {
                        if !self.printed.contains(&id) {
                            self.printed.push(id);
                        }
                    }
                }
                self.looked = self.looked.max(to);
                if style.report == Report::PrintsAllowed && self.losses == 0 {
                    self.allowed_count = numbers(output).get(1).copied();
                }
                let all = puzzle.to_inspect();
                if to < all {
                    Goal::Look { from: to, to: (to + style.batch).min(all) }
                } else if style.take_at_once {
                    Goal::ChooseAndTake
                } else {
                    Goal::Choose
                }
            }
            // A recovery only chooses, and shows what.
            Goal::ChooseAndTake if self.missing.is_none() => {
                self.verdict = output.lines().find_map(read_verdict);
                Goal::Finish
            }
            Goal::Choose | Goal::ChooseAndTake => {
                self.chosen = puzzle.ids_in(output); // only a recovery prints them
                self.verdict = output.lines().find_map(read_verdict);
                if self.ending() == Ending::Empty { Goal::Finish } else { Goal::Take { from: 0 } }
            }
            Goal::Take { from } => match self.verdict {
                Some((count, _)) if from + puzzle.calls < count => Goal::Take { from: from + puzzle.calls },
                _ => Goal::Finish,
            },
            Goal::Finish => Goal::Finish,
        };
    }

    /// The items that a recovery inspects when `from..to` failed: those and, as
    /// far as the calls of a step allow (one lists the items), those before.
    fn window(&self, puzzle: &Puzzle, from: usize, to: usize) -> std::ops::Range<usize> {
        let first = to.saturating_sub(puzzle.calls - 1);
        if from == 0 { 0..to } else { first..to }
    }

    /// Whether the block that takes the chosen items from `from` on also
    /// finishes: it is the last that takes, and has a call left.
    fn finishes(&self, puzzle: &Puzzle, style: &Style) -> bool {
        match self.goal {
            Goal::Take { from } => {
                let fits = |(count, _): (usize, usize)| count.saturating_sub(from) < puzzle.calls;
                style.finishes_at_once && self.verdict.is_some_and(fits) && !self.chooses_again()
            }
            Goal::ChooseAndTake => style.finishes_at_once && self.missing.is_none(),
            _ => false,
        }
    }

    /// How it went, if this is the end.
    fn ending(&self) -> Ending {
        match self.verdict {
            _ if self.failures > 0 => Ending::Failed,
            Some((0, _)) => Ending::Empty,
            _ => Ending::Packed,
        }
    }

    /// Whether the block has to choose again before it takes.
    fn chooses_again(&self) -> bool {
        self.missing.is_some() && self.chosen.is_empty()
    }

    /// The items to inspect again before choosing: those known to be allowed,
    /// then those of which nothing was printed; as many as the calls allow.
    fn worth_another_look(&self, puzzle: &Puzzle, calls: usize) -> Vec<String> {
        let unknown = (0..self.looked).filter(|&index| !self.reviewed[index]).map(|index| &puzzle.ids[index]);
        self.printed.iter().chain(unknown).take(calls).cloned().collect()
    }
}

/// The count and the value in a line such as `7 items, value 420`.
fn read_verdict(line: &str) -> Option<(usize, usize)> {
    match numbers(line)[..] {
        [count, value] if line.contains("items, value") => Some((count, value)),
        _ => None,
    }
}
