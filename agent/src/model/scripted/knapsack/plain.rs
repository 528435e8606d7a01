//! The two habits in few words, as teachers of small models.
//!
//! A model of a million weights can learn to carry rows of numbers from an
//! output into its next block, if it sees little else. So these play one way:
//! items go by their position in the sorted list of ids, every output is a
//! Python literal, and a block is a few fixed lines. The class comes last in a
//! row: what is copied is found by what stands before it, and values hardly
//! repeat. Only names, batch sizes and wording vary. Both habits inspect the
//! same items in the same batches, print the same, and choose the same set.

use super::Puzzle;
use crate::model::scripted::conversation::{Conversation, Observation};
use crate::model::scripted::voice::{self, Voice};

mod code;
mod words;

pub(crate) use code::{chosen_literal, given, rows_literal, take};
pub(crate) use words::{CHOOSING, TAKING};

/// Writes the next answer of the persistent habit: it defines names once and
/// relies on them. Where they turn out to be gone, it writes again what it can
/// read in the outputs above, and goes on.
pub fn persistent(puzzle: &Puzzle, conversation: &Conversation, seed: u64) -> String {
    answer(puzzle, conversation, seed, code::persistent)
}

/// Writes the next answer of the reset habit: every block holds all it needs.
pub fn reset(puzzle: &Puzzle, conversation: &Conversation, seed: u64) -> String {
    answer(puzzle, conversation, seed, code::reset)
}

fn answer(
    puzzle: &Puzzle,
    conversation: &Conversation,
    seed: u64,
    code: fn(&Puzzle, &Style, &State) -> String,
) -> String {
    let style = Style::draw(puzzle, &mut Voice::of_episode(seed));
    let mut state = State::new(puzzle, &style);
    for observation in &conversation.turns {
        state.observe(puzzle, &style, observation);
    }
    let mut voice = Voice::of_turn(seed, conversation.turns.len());
    let (from, to) = match state.goal {
        Goal::Look { from, to } => (from, to),
        _ => (0, 0),
    };
    let all = puzzle.to_inspect();
    let reasoning = voice.phrase(words::reasoning(&state), &[("from", &from), ("to", &to), ("all", &all)]);
    voice::message(&reasoning, &code(puzzle, &style, &state))
}

/// What holds for a whole episode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// All item ids.
    ids: &'static str,
    /// The inspected items: position, weight, value, class.
    pub(crate) rows: &'static str,
    /// The function that inspects.
    look: &'static str,
    /// Positions of the items to take.
    chosen: &'static str,
    /// Items in a batch.
    batch: usize,
    /// Items that a block can take, beside listing them.
    taken: usize,
}

impl Style {
    fn draw(puzzle: &Puzzle, voice: &mut Voice) -> Self {
        let taken = puzzle.calls.saturating_sub(1).max(1);
        Self { batch: voice.between(2, 3).min(taken), ..Self::names(taken, voice) }
    }

    /// Names, for blocks that inspect nothing.
    pub(crate) fn names(taken: usize, voice: &mut Voice) -> Self {
        Self {
            ids: voice.pick(&["ids", "items"]),
            rows: voice.pick(&["rows", "data"]),
            look: voice.pick(&["look", "scan"]),
            chosen: voice.pick(&["chosen", "picked"]),
            batch: 0,
            taken,
        }
    }
}

/// What the next block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// Inspect the items at positions `from..to`.
    Look { from: usize, to: usize },
    /// Find the best set.
    Choose,
    /// Take the chosen items from this one on.
    Take { from: usize },
    /// End the episode.
    Finish,
}

/// An inspected item, as the code prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Position in the sorted list of ids.
    pub(crate) position: usize,
    pub(crate) weight: u64,
    pub(crate) value: u64,
    pub(crate) class: String,
}

impl Row {
    /// The rows in a printed list of tuples.
    fn all_in(output: &str) -> Vec<Self> {
        output.split('(').skip(1).filter_map(Self::parse).collect()
    }

    /// Reads `0, 12, 40, 'B')...`.
    fn parse(text: &str) -> Option<Self> {
        let (inside, _) = text.split_once(')')?;
        let parts: Vec<&str> = inside.split(", ").collect();
        let [position, weight, value, class] = parts[..] else { return None };
        Some(Self {
            position: position.parse().ok()?,
            weight: weight.parse().ok()?,
            value: value.parse().ok()?,
            class: class.strip_prefix('\'')?.strip_suffix('\'')?.to_owned(),
        })
    }
}

/// Where the episode stands, as far as the observations tell.
#[derive(Debug)]
struct State {
    goal: Goal,
    /// The last block failed for want of a name; the next has to make it good.
    lost: bool,
    /// Rows printed so far.
    rows: Vec<Row>,
    /// Positions printed as the best set.
    chosen: Vec<usize>,
}

impl State {
    fn new(puzzle: &Puzzle, style: &Style) -> Self {
        let to = style.batch.min(puzzle.to_inspect());
        Self { goal: Goal::Look { from: 0, to }, lost: false, rows: Vec::new(), chosen: Vec::new() }
    }

    fn observe(&mut self, puzzle: &Puzzle, style: &Style, observation: &Observation) {
        // Names missing from a block that had defined them all again are beyond repair.
        self.lost = observation.missing_name().is_some() && !self.lost;
        if self.lost {
            return;
        }
        self.goal = match self.goal {
            _ if observation.error.is_some() => Goal::Finish,
            Goal::Look { to, .. } => {
                self.rows.extend(Row::all_in(&observation.output));
                let all = puzzle.to_inspect();
                if to < all { Goal::Look { from: to, to: (to + style.batch).min(all) } } else { Goal::Choose }
            }
            Goal::Choose => {
                self.chosen = super::numbers(&observation.output);
                if self.chosen.is_empty() { Goal::Finish } else { Goal::Take { from: 0 } }
            }
            Goal::Take { from } if from + style.taken < self.chosen.len() => {
                Goal::Take { from: from + style.taken }
            }
            Goal::Take { .. } | Goal::Finish => Goal::Finish,
        };
    }
}
