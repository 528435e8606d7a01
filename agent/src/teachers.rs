//! Scripted policies: programs that play tasks the way a model does. They write training data and stand in
//! for models in tests.
//!
//! | module         | what it holds                                                            |
//! |----------------|--------------------------------------------------------------------------|
//! | [`policy`]     | which policies there are                                                 |
//! | `conversation` | what a policy reads in a conversation: the task and the results of turns |
//! | `random`       | seeded random choices                                                    |
//! | `knapsack`     | the policies for the knapsack family; another family is another folder   |
//! | [`drills`]     | copying exercises for small models                                       |
//!
//! A policy is a pure function of a conversation and a seed. It learns about the task and about the results
//! of its code only from the messages, as a model does. It therefore runs through the same code path as a
//! model, and the same messages always give the same answer.
//!
//! The policies differ in what they assume about the interpreter's state between two steps.
//! [`Policy::Persistent`] defines names once and relies on them; [`Policy::Reset`] writes everything that a
//! block needs into that block. Each exists in a second, terse style, for training small models.

use conversation::Conversation;
use proto::conversation::Message;

mod conversation;
pub mod drills;
mod knapsack;
pub mod policy;
mod random;

pub use policy::Policy;

/// Writes the next assistant message of a conversation. The seed selects among the ways of playing and of
/// wording.
///
/// # Errors
/// What the conversation lacks, if it holds no task that the policy can play.
pub fn answer(policy: Policy, messages: &[Message], seed: u64) -> Result<String, String> {
    let conversation = Conversation::read(messages)?;
    let task = knapsack::Task::read(&conversation, seed)?;
    Ok(knapsack::answer(policy, &task, &conversation, seed))
}

/// Whether there is a policy for a task family.
///
/// # Errors
/// The families that there are policies for.
pub fn check_family(family: &str) -> Result<(), String> {
    if family == knapsack::FAMILY {
        return Ok(());
    }
    Err(format!("scripted policies play {} only", knapsack::FAMILY))
}

#[cfg(test)]
mod tests;
