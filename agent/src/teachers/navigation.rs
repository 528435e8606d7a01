//! Policies for the navigation family: an unseen graph; walk to the goal in few moves.
//!
//! | module      | what it holds                                          |
//! |-------------|--------------------------------------------------------|
//! | `task`      | a task as its public data describes it                 |
//! | `map`       | the part of the graph that was seen, and ways through it |
//! | `state`     | where an episode stands                                |
//! | `style`     | what stays the same in a whole episode                 |
//! | `code`      | the blocks of the policies that write Python           |
//! | `reasoning` | the sentences before a block                           |
//! | [`react`]   | the policy that calls tools                            |
//!
//! All policies explore alike. They look around wherever they are for the first time. As soon as they have seen the goal
//! they take the shortest known way to it; until then they go to the unseen node that is farthest from the start, and
//! among those to the nearest. A block explores with a fixed number of tool calls and prints what it saw and where it
//! ended, so every block can be written from the outputs above.

use state::State;
use style::Style;

use super::conversation::Conversation;
use super::policy::Habit;
use super::random::Random;
use super::text;

mod code;
mod map;
pub mod react;
mod reasoning;
mod state;
mod style;
mod task;

pub use task::{FAMILY, KEY, Task};

/// Writes the next answer of a policy that writes Python.
pub fn write(habit: Habit, task: &Task, conversation: &Conversation, seed: u64) -> String {
    let style = Style::draw(task, habit, &mut Random::of_episode(seed));
    let mut state = State::new(task);
    for observation in &conversation.turns {
        state.observe(task, observation);
    }
    let mut random = Random::of_turn(seed, conversation.turns.len());
    let words = reasoning::write(habit, task, &style, &state, &mut random);
    text::reply(&words, &code::write(habit, task, &style, &state, &mut random))
}
