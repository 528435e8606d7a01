//! Policies for the rule diagnosis family: a hidden rule maps integers to integers; find its parameters with few probes.
//!
//! | module      | what it holds                                       |
//! |-------------|-----------------------------------------------------|
//! | `task`      | a task as its public data describes it              |
//! | `kind`      | the kinds of rule                                   |
//! | `rule`      | rules, those that fit what was probed, and what to probe next |
//! | `goal`      | what the next block is for                          |
//! | `state`     | where an episode stands                             |
//! | `style`     | what stays the same in a whole episode              |
//! | `code`      | the blocks of the policies that write Python        |
//! | `reasoning` | the sentences before a block                        |
//! | [`react`]   | the policy that calls tools                         |
//!
//! `a * x + b` is known after two probes; a third one confirms it, if the budget allows it. For `(a * x + b) % m` the
//! answers at 0 and 1 leave one rule for each modulus. As long as several rules fit, the input is probed at which they
//! differ most. If the budget ends before that, the rules that fit are submitted one after the other.

use state::State;
use style::Style;

use super::conversation::Conversation;
use super::policy::Habit;
use super::random::Random;
use super::text;

mod code;
mod goal;
mod kind;
pub mod react;
mod reasoning;
mod rule;
mod state;
mod style;
mod task;

pub use task::{FAMILY, KEY, Task};

/// Writes the next answer of a policy that writes Python.
pub fn write(habit: Habit, task: &Task, conversation: &Conversation, seed: u64) -> String {
    let style = Style::draw(task, habit, &mut Random::of_episode(seed));
    let mut state = State::new(task, &style);
    for observation in &conversation.turns {
        state.observe(task, &style, observation);
    }
    let mut random = Random::of_turn(seed, conversation.turns.len());
    let words = reasoning::write(habit, task, &style, &state, &mut random);
    text::reply(&words, &code::write(habit, task, &style, &state, &mut random))
}
