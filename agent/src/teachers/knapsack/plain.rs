//! Both policies in the terse style, as teachers of small models.
//!
//! A model of a million weights can learn to carry rows of numbers from an output into its next block if it
//! sees little else. These policies therefore play in one way: items are named by their position in the
//! sorted list of ids, every output is a Python literal, and a block is a few fixed lines. The class is the
//! last column of a row: a copying model finds the next token by the tokens before it, and values rarely
//! repeat, unlike classes. Only names, batch sizes and wording vary. Both policies inspect the same items in
//! the same batches, print the same, and choose the same set.

use state::{Goal, State};
use style::Style;

use super::task::Task;
use crate::teachers::conversation::Conversation;
use crate::teachers::random::Random;
use crate::teachers::text;

mod code;
pub mod drill;
mod reasoning;
mod row;
mod state;
mod style;

/// Writes the next answer of the persistent policy: it defines names once and relies on them. If they turn
/// out to be undefined, it writes down again what it can read in the outputs above, and continues.
pub fn persistent(task: &Task, conversation: &Conversation, seed: u64) -> String {
    answer(task, conversation, seed, code::persistent)
}

/// Writes the next answer of the reset policy: every block holds everything it needs.
pub fn reset(task: &Task, conversation: &Conversation, seed: u64) -> String {
    answer(task, conversation, seed, code::reset)
}

fn answer(
    task: &Task,
    conversation: &Conversation,
    seed: u64,
    code: fn(&Task, &Style, &State) -> String,
) -> String {
    let style = Style::draw(task, &mut Random::of_episode(seed));
    let mut state = State::new(task, &style);
    for observation in &conversation.turns {
        state.observe(task, &style, observation);
    }
    let mut random = Random::of_turn(seed, conversation.turns.len());
    let (from, to) = match state.goal {
        Goal::Inspect { from, to } => (from, to),
        _ => (0, 0),
    };
    let all = task.to_inspect();
    let reasoning = random.phrase(reasoning::options(&state), &[("from", &from), ("to", &to), ("all", &all)]);
    text::reply(&reasoning, &code(task, &style, &state))
}
