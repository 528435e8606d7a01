//! Where an episode of the reset policy stands.

use super::row::Row;
use super::style::Style;
use crate::teachers::knapsack::closing::Ending;
use crate::teachers::knapsack::goal::Goal;
use crate::teachers::knapsack::task::Task;
use crate::teachers::text::numbers;

/// Where the episode stands, as far as the outputs show.
#[derive(Debug)]
pub struct State {
    pub goal: Goal,
    /// Rows printed so far, in order of inspection.
    pub rows: Vec<Row>,
    /// The ids printed as the best set.
    pub chosen: Vec<String>,
    /// The printed value of the best set.
    pub total: Option<usize>,
    /// Consecutive failures.
    pub failures: usize,
}

impl State {
    /// The state before the first turn.
    pub fn new(task: &Task, style: &Style) -> Self {
        Self {
            goal: after_inspecting(0, task, style),
            rows: Vec::new(),
            chosen: Vec::new(),
            total: None,
            failures: 0,
        }
    }

    /// Takes in the result of the block for `goal`.
    pub fn observe(&mut self, task: &Task, style: &Style, output: &str, failed: bool) {
        self.failures = if failed { self.failures + 1 } else { 0 };
        self.goal = match self.goal {
            Goal::Inspect { .. } => {
                for row in Row::all_in(output) {
                    if task.ids.contains(&row.id) && self.rows.iter().all(|known| known.id != row.id) {
                        self.rows.push(row);
                    }
                }
                if self.failures < 3 { after_inspecting(self.rows.len(), task, style) } else { Goal::Choose }
            }
            Goal::Choose if failed && self.failures < 3 => Goal::Choose,
            Goal::Choose => {
                self.read_choice(task, output);
                if self.chosen.is_empty() { Goal::Finish } else { Goal::Take { from: 0 } }
            }
            Goal::Take { from } if !failed && from + task.calls < self.chosen.len() => {
                Goal::Take { from: from + task.calls }
            }
            // After a failure some items may be taken already, so repeating the block would fail too.
            Goal::ChooseAndTake => {
                self.read_choice(task, output);
                Goal::Finish
            }
            Goal::Take { .. } | Goal::Finish => Goal::Finish,
        };
    }

    /// Whether the next block also finishes: it takes the last of the chosen items and has a tool call left.
    pub fn finishes(&self, task: &Task, style: &Style) -> bool {
        style.finishes_at_once
            && match self.goal {
                Goal::Take { from } => self.chosen.len().saturating_sub(from) < task.calls,
                Goal::ChooseAndTake => true,
                _ => false,
            }
    }

    /// Reads the value and the ids of the best set.
    fn read_choice(&mut self, task: &Task, output: &str) {
        self.total = output.lines().next().and_then(|line| numbers(line).first().copied());
        self.chosen = task.ids_in(output);
    }

    /// How the episode went, if it ends here.
    pub fn ending(&self) -> Ending {
        match self.total {
            _ if self.failures > 0 => Ending::Failed,
            Some(0) => Ending::Empty,
            _ => Ending::Packed,
        }
    }

    /// How many of the known items are allowed.
    pub fn allowed(&self, task: &Task) -> usize {
        self.rows.iter().filter(|row| task.allowed.contains(&row.class)).count()
    }
}

/// What comes next when `known` items are inspected: the next batch or, after the last one, choosing.
fn after_inspecting(known: usize, task: &Task, style: &Style) -> Goal {
    if known < task.to_inspect() {
        Goal::Inspect { from: known, to: (known + style.batch).min(task.to_inspect()) }
    } else if style.take_at_once {
        Goal::ChooseAndTake
    } else {
        Goal::Choose
    }
}
