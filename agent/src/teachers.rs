//! Scripted policies: programs that play tasks the way a model does. They write training data and stand in
//! for models in tests.
//!
//! | module           | what it holds                                                            |
//! |------------------|--------------------------------------------------------------------------|
//! | [`policy`]       | which policies there are                                                 |
//! | `answer`         | what a policy answers: text, and calls of tools                          |
//! | `conversation`   | what a policy reads in a conversation: the task and the results of turns |
//! | `calls`          | the calls of tools in a conversation, and their answers                  |
//! | `trouble`        | what went wrong in the last blocks                                       |
//! | `random`         | seeded random choices                                                    |
//! | `text`           | small texts: counts, numbers, Python lists, replies                      |
//! | `knapsack`       | the policies for the knapsack family                                     |
//! | `navigation`     | the policies for the navigation family                                   |
//! | `rule_diagnosis` | the policies for the rule diagnosis family                               |
//! | [`drills`]       | copying exercises for small models                                       |
//!
//! A policy is a pure function of a conversation and a seed. It learns about the task and about the results
//! of its actions only from the messages, as a model does. It therefore runs through the same code path as a
//! model, and the same messages always give the same answer.
//!
//! The policies that write Python differ in what they assume about the interpreter's state between two steps.
//! [`Habit::Persistent`] defines names once and relies on them; [`Habit::Reset`] writes everything that a
//! block needs into that block. Each exists in a second, terse style, for training small models. On
//! navigation and rule diagnosis, both make the same calls of tools in the same order. [`Policy::React`] calls
//! the tools itself.

use conversation::Conversation;
use proto::conversation::Message;
use random::Random;

mod answer;
mod calls;
mod conversation;
pub mod drills;
mod knapsack;
mod navigation;
pub mod policy;
mod random;
mod rule_diagnosis;
mod text;
mod trouble;

pub use answer::Answer;
pub use policy::{Habit, Policy};

/// The families that there are policies for.
const FAMILIES: [&str; 3] = [knapsack::FAMILY, navigation::FAMILY, rule_diagnosis::FAMILY];

/// A task, by its family.
enum Task {
    Knapsack(knapsack::Task),
    Navigation(navigation::Task),
    RuleDiagnosis(rule_diagnosis::Task),
}

impl Task {
    /// Finds the task in a conversation. A key that only one family's public data has tells the family.
    fn read(conversation: &Conversation, seed: u64) -> Result<Self, String> {
        let has = |key| conversation.public.contains_key(key);
        if has(knapsack::KEY) {
            knapsack::Task::read(conversation, seed).map(Self::Knapsack)
        } else if has(navigation::KEY) {
            navigation::Task::read(conversation).map(Self::Navigation)
        } else if has(rule_diagnosis::KEY) {
            rule_diagnosis::Task::read(conversation).map(Self::RuleDiagnosis)
        } else {
            Err(format!(
                "the task's public data has none of the keys `{}`, `{}` and `{}`, so it is of no family that scripted \
                 policies play ({})",
                knapsack::KEY,
                navigation::KEY,
                rule_diagnosis::KEY,
                FAMILIES.join(", "),
            ))
        }
    }
}

/// Writes the next assistant message of a conversation. The seed selects among the ways of playing and of
/// wording.
///
/// # Errors
/// What the conversation lacks, if it holds no task that the policy can play.
pub fn answer(policy: Policy, messages: &[Message], seed: u64) -> Result<Answer, String> {
    let conversation = Conversation::read(messages)?;
    let task = Task::read(&conversation, seed)?;
    Ok(match policy {
        Policy::Code(habit) => match task {
            Task::Knapsack(task) => knapsack::write(habit, &task, &conversation, seed),
            Task::Navigation(task) => navigation::write(habit, &task, &conversation, seed),
            Task::RuleDiagnosis(task) => rule_diagnosis::write(habit, &task, &conversation, seed),
        }
        .into(),
        Policy::React => {
            let called = calls::read(messages);
            let mut random = Random::of_turn(seed, conversation.turns.len());
            match task {
                Task::Knapsack(task) => knapsack::react::answer(&task, &called, seed, &mut random),
                Task::Navigation(task) => navigation::react::answer(&task, &called, &mut random),
                Task::RuleDiagnosis(task) => rule_diagnosis::react::answer(&task, &called, &mut random),
            }
        }
    })
}

/// Whether there is a policy for a task family.
///
/// # Errors
/// The families that there are policies for.
pub fn check_family(family: &str) -> Result<(), String> {
    if FAMILIES.contains(&family) {
        return Ok(());
    }
    Err(format!("scripted policies play {}", FAMILIES.join(", ")))
}

#[cfg(test)]
mod tests;
