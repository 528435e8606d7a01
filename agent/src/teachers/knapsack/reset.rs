//! The reset policy: every block defines everything it needs.
//!
//! Each block lists or pastes the ids, holds the known items as a literal copied from earlier outputs (to
//! skip them, and in some styles to count the allowed ones), defines its helpers again, and prints its
//! results in the form in which later blocks hold them. The choosing block holds the items to choose from,
//! the taking block the chosen ids. No block holds anything that it does not use.

use state::State;
use style::Style;

use super::task::Task;
use crate::teachers::conversation::Conversation;
use crate::teachers::random::Random;

mod code;
mod reasoning;
mod row;
mod state;
mod style;

/// Writes the next answer.
pub fn answer(task: &Task, conversation: &Conversation, seed: u64) -> String {
    let style = Style::draw(task, &mut Random::of_episode(seed));
    let mut state = State::new(task, &style);
    for observation in &conversation.turns {
        state.observe(task, &style, &observation.output, observation.error.is_some());
    }
    let mut random = Random::of_turn(seed, conversation.turns.len());
    code::write(task, &style, &state, &mut random)
}
