//! The reset habit: every block defines all that it needs.
//!
//! Each block lists or pastes the ids, holds the items known so far as a literal
//! copied from earlier outputs (to skip them, and sometimes to sum up), declares
//! its helpers again and prints what it finds in the form in which it will be
//! copied. The choosing block holds the items to choose from, the taking block
//! the chosen ids. No block holds what it does not use.

use super::finishing::Ending;
use super::names::Names;
use super::order::Order;
use super::solver::Solver;
use super::{Puzzle, numbers};
use crate::model::scripted::conversation::Conversation;
use crate::model::scripted::voice::Voice;

mod code;
mod words;

/// Writes the next answer.
pub fn answer(puzzle: &Puzzle, conversation: &Conversation, seed: u64) -> String {
    let style = Style::draw(puzzle, &mut Voice::of_episode(seed));
    let mut state = State::default();
    state.goal = state.after_looking(puzzle, &style);
    for observation in &conversation.turns {
        state.observe(puzzle, &style, &observation.output, observation.error.is_some());
    }
    let mut voice = Voice::of_turn(seed, conversation.turns.len());
    code::write(puzzle, &style, &state, &mut voice)
}

/// What holds for a whole episode.
#[derive(Debug)]
struct Style {
    names: Names,
    solver: Solver,
    form: Form,
    /// Items in a batch.
    batch: usize,
    /// Whether the ids are pasted rather than listed again.
    pastes_ids: bool,
    /// Whether an item is inspected by a function.
    has_helper: bool,
    /// Whether each block says how many items are known, and how many allowed.
    sums_up: bool,
    /// Whether the choosing block holds every known item and filters them, or
    /// the allowed ones only.
    copies_all: bool,
    /// Whether choosing and taking are one block.
    take_at_once: bool,
    /// Whether taking and finishing are one block, where they fit.
    finishes_at_once: bool,
    /// Whether `json` is imported, although it is there.
    imports_json: bool,
}

/// How known items are printed and copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A list of (id, class, weight, value).
    Tuples,
    /// id -> (class, weight, value)
    Entries,
}

impl Style {
    fn draw(puzzle: &Puzzle, voice: &mut Voice) -> Self {
        Self {
            names: Names::draw(voice),
            solver: Solver::draw(voice),
            form: voice.pick(&[Form::Tuples, Form::Entries]),
            batch: puzzle.batch(voice.between(4, 6)),
            pastes_ids: voice.pick(&[true, false]) || puzzle.order == Order::Given,
            has_helper: voice.pick(&[true, false]),
            sums_up: voice.pick(&[true, false]),
            copies_all: voice.pick(&[true, false]),
            take_at_once: voice.pick(&[true, false]) && puzzle.can_choose_and_take(),
            finishes_at_once: voice.pick(&[true, false]),
            imports_json: voice.pick(&[true, false]),
        }
    }
}

/// What the next block is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Goal {
    /// Inspect items `from..to`, in the order of inspection.
    Look { from: usize, to: usize },
    /// Find the best set.
    Choose,
    /// Find it and take it.
    ChooseAndTake,
    /// Take the chosen items from this one on, as many as a step allows.
    Take { from: usize },
    /// End the episode.
    #[default]
    Finish,
}

/// An inspected item, as the code prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    id: String,
    class: String,
    weight: u64,
    value: u64,
}

impl Row {
    /// As Python, to be copied.
    fn literal(&self, form: Form) -> String {
        let Self { id, class, weight, value } = self;
        match form {
            Form::Tuples => format!("('{id}', '{class}', {weight}, {value})"),
            Form::Entries => format!("'{id}': ('{class}', {weight}, {value})"),
        }
    }

    /// The items in a text: those that stand in a line of their own, in either form.
    fn all_in(text: &str) -> Vec<Self> {
        text.lines().filter_map(Self::parse).collect()
    }

    /// Reads `('id', 'class', weight, value)` or `'id': ('class', weight, value)`.
    fn parse(line: &str) -> Option<Self> {
        let inside = line.strip_suffix(')')?;
        let flat = match inside.strip_prefix('(') {
            Some(tuple) => tuple.to_owned(),
            None => inside.replacen(": (", ", ", 1),
        };
        let parts: Vec<&str> = flat.split(", ").collect();
        let [id, class, weight, value] = parts[..] else { return None };
        let unquote = |part: &str| Some(part.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        Some(Self {
            id: unquote(id)?,
            class: unquote(class)?,
            weight: weight.parse().ok()?,
            value: value.parse().ok()?,
        })
    }
}

/// Where the episode stands, as far as the outputs tell.
#[derive(Debug, Default)]
struct State {
    goal: Goal,
    /// Rows printed so far, in order of inspection.
    rows: Vec<Row>,
    /// The ids printed as the best set.
    chosen: Vec<String>,
    /// Their value, as printed.
    total: Option<usize>,
    /// Failures in a row.
    failures: usize,
}

impl State {
    /// Takes in what the block for `goal` came to.
    fn observe(&mut self, puzzle: &Puzzle, style: &Style, output: &str, failed: bool) {
        self.failures = if failed { self.failures + 1 } else { 0 };
        self.goal = match self.goal {
            Goal::Look { .. } => {
                for row in Row::all_in(output) {
                    if puzzle.ids.contains(&row.id) && self.rows.iter().all(|known| known.id != row.id) {
                        self.rows.push(row);
                    }
                }
                if self.failures < 3 { self.after_looking(puzzle, style) } else { Goal::Choose }
            }
            Goal::Choose if failed && self.failures < 3 => Goal::Choose,
            Goal::Choose => {
                self.read_choice(puzzle, output);
                if self.chosen.is_empty() { Goal::Finish } else { Goal::Take { from: 0 } }
            }
            Goal::Take { from } if !failed && from + puzzle.calls < self.chosen.len() => {
                Goal::Take { from: from + puzzle.calls }
            }
            // Where taking failed, some items may be taken already: doing it over would fail too.
            Goal::ChooseAndTake => {
                self.read_choice(puzzle, output);
                Goal::Finish
            }
            Goal::Take { .. } | Goal::Finish => Goal::Finish,
        };
    }

    /// Whether the block also finishes: it is the last that takes, and has a
    /// call left.
    fn finishes(&self, puzzle: &Puzzle, style: &Style) -> bool {
        style.finishes_at_once
            && match self.goal {
                Goal::Take { from } => self.chosen.len().saturating_sub(from) < puzzle.calls,
                Goal::ChooseAndTake => true,
                _ => false,
            }
    }

    /// Reads the value and the ids of the best set.
    fn read_choice(&mut self, puzzle: &Puzzle, output: &str) {
        self.total = output.lines().next().and_then(|line| numbers(line).first().copied());
        self.chosen = puzzle.ids_in(output);
    }

    /// How it went, if this is the end.
    fn ending(&self) -> Ending {
        match self.total {
            _ if self.failures > 0 => Ending::Failed,
            Some(0) => Ending::Empty,
            _ => Ending::Packed,
        }
    }

    /// How many of the known items are allowed.
    fn allowed(&self, puzzle: &Puzzle) -> usize {
        self.rows.iter().filter(|row| puzzle.allowed.contains(&row.class)).count()
    }

    /// The next batch; choosing, if there is none.
    fn after_looking(&self, puzzle: &Puzzle, style: &Style) -> Goal {
        let from = self.rows.len();
        if from < puzzle.to_inspect() {
            Goal::Look { from, to: (from + style.batch).min(puzzle.to_inspect()) }
        } else if style.take_at_once {
            Goal::ChooseAndTake
        } else {
            Goal::Choose
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Row};

    #[test]
    fn rows_survive_printing_and_copying() {
        let row = Row { id: "item_0a".into(), class: "B".into(), weight: 7, value: 90 };
        let (tuple, entry) = (row.literal(Form::Tuples), row.literal(Form::Entries));
        assert_eq!(tuple, "('item_0a', 'B', 7, 90)");
        assert_eq!(entry, "'item_0a': ('B', 7, 90)");
        let output = format!("{tuple}\n{entry}\n5 known (so far)\n");
        assert_eq!(Row::all_in(&output), [row.clone(), row]);
        assert_eq!(Row::all_in("('item_0a', 'B', 7\n('item_0a', 'B', 7)"), []);
    }
}
