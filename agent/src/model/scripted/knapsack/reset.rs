//! The reset habit: every block defines all that it needs.
//!
//! Each block lists or pastes the ids, holds the rows known so far as a literal
//! copied from earlier outputs, declares its helpers again and prints what it
//! finds as Python tuples, ready to be copied. The choosing block holds the
//! allowed rows, the taking block the chosen ids.

use super::{Puzzle, names::Names, solver::Solver};
use crate::model::scripted::{conversation::Conversation, voice::Voice};

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
    look: Look,
    /// Items in a batch.
    batch: usize,
    /// Whether the ids are pasted rather than listed again.
    pastes_ids: bool,
    /// Whether choosing and taking are one block.
    take_at_once: bool,
}

/// How a block inspects.
#[derive(Clone, Copy, Debug)]
enum Look {
    /// The next slice of the ids.
    Slice,
    /// The first ids that are not among the known rows.
    Unseen,
    /// A slice, through a function that makes a row.
    Function,
}

impl Style {
    fn draw(puzzle: &Puzzle, voice: &mut Voice) -> Self {
        Self {
            names: Names::draw(voice),
            solver: Solver::draw(voice),
            look: voice.pick(&[Look::Slice, Look::Unseen, Look::Function]),
            batch: puzzle.batch(voice.between(4, 6)),
            pastes_ids: voice.pick(&[true, false]),
            take_at_once: voice.pick(&[true, false]) && puzzle.can_choose_and_take(),
        }
    }
}

/// What the next block is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// The Python tuple.
    fn literal(&self) -> String {
        format!("('{}', '{}', {}, {})", self.id, self.class, self.weight, self.value)
    }

    /// The tuples in a text.
    fn all_in(text: &str) -> Vec<Self> {
        text.split('(').skip(1).filter_map(|rest| Self::parse(rest.split_once(')')?.0)).collect()
    }

    /// Reads `'id', 'class', weight, value`.
    fn parse(inside: &str) -> Option<Self> {
        let parts: Vec<&str> = inside.split(", ").collect();
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
                self.chosen = puzzle.ids_in(output);
                if self.chosen.is_empty() { Goal::Finish } else { Goal::Take { from: 0 } }
            }
            Goal::Take { from } if !failed && from + puzzle.calls < self.chosen.len() => {
                Goal::Take { from: from + puzzle.calls }
            }
            // Where taking failed, some items may be taken already: doing it over would fail too.
            Goal::Take { .. } | Goal::ChooseAndTake | Goal::Finish => Goal::Finish,
        };
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
    use super::Row;

    #[test]
    fn rows_survive_printing_and_copying() {
        let row = Row { id: "item_0a".into(), class: "B".into(), weight: 7, value: 90 };
        assert_eq!(row.literal(), "('item_0a', 'B', 7, 90)");
        let output = format!("5 rows (so far)\n{}\n[{}]\n", row.literal(), row.literal());
        assert_eq!(Row::all_in(&output), [row.clone(), row]);
        assert_eq!(Row::all_in("('item_0a', 'B', 7"), []);
    }
}
