//! The persistent policy: it defines names once and relies on them.
//!
//! The first block lists the items and defines a helper that inspects a batch and stores the results. Later
//! blocks call the helper, choose, take and finish, and print little. If a name turns out to be undefined,
//! the policy repeats the setup in the block that retries, and afterwards relies on its variables again.

use state::State;
use style::Style;

use super::task::Task;
use crate::teachers::conversation::Conversation;
use crate::teachers::random::Random;

mod code;
mod reasoning;
mod state;
mod style;

/// Writes the next answer.
pub fn answer(task: &Task, conversation: &Conversation, seed: u64) -> String {
    let style = Style::draw(task, &mut Random::of_episode(seed));
    let mut state = State::new(task, &style);
    for observation in &conversation.turns {
        state.observe(task, &style, observation);
    }
    let mut random = Random::of_turn(seed, conversation.turns.len());
    code::write(task, &style, &state, &mut random)
}
