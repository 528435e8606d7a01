//! Policies written by hand: teachers for training data, and test doubles.
//!
//! A policy is a pure function of conversation and seed. It learns of the task
//! and of what its code did only by reading the messages, as a model would, so
//! it goes through the same path as one, and the same messages give the same
//! answer again.
//!
//! The two habits differ in one thing: what they take for granted between two
//! steps. [`Habit::Persistent`] defines names once and relies on them;
//! [`Habit::Reset`] writes everything that a block needs into that block. Each
//! is there in a second manner, in few words: the teachers of small models.

use crate::model::{Completion, Error, FinishReason, GenerateRequest, Message, Model, estimate_usage};

mod conversation;
pub mod drills;
mod knapsack;
mod voice;

/// What a policy takes for granted between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// That all it has defined is still there.
    Persistent,
    /// That nothing is.
    Reset,
    /// As [`Habit::Persistent`], in few words.
    PlainPersistent,
    /// As [`Habit::Reset`], in few words.
    PlainReset,
}

impl Habit {
    const ALL: [Self; 4] = [Self::Persistent, Self::Reset, Self::PlainPersistent, Self::PlainReset];

    /// Its name in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persistent => "persistent-habit",
            Self::Reset => "reset-habit",
            Self::PlainPersistent => "persistent-plain",
            Self::PlainReset => "reset-plain",
        }
    }

    /// The habit of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|habit| habit.name() == name)
    }

    /// Every name.
    pub fn names() -> Vec<&'static str> {
        Self::ALL.into_iter().map(Self::name).collect()
    }
}

/// Writes the next assistant message of a conversation.
///
/// # Errors
/// [`Error::Conversation`] if no task that the policy can play is in it.
pub fn answer(habit: Habit, messages: &[Message], seed: u64) -> Result<String, Error> {
    let not_understood = |reason: String| Error::Conversation { model: habit.name().to_owned(), reason };
    let conversation = conversation::Conversation::read(messages).map_err(not_understood)?;
    let puzzle = knapsack::Puzzle::read(&conversation, seed).map_err(not_understood)?;
    Ok(match habit {
        Habit::Persistent => knapsack::persistent::answer(&puzzle, &conversation, seed),
        Habit::Reset => knapsack::reset::answer(&puzzle, &conversation, seed),
        Habit::PlainPersistent => knapsack::plain::persistent(&puzzle, &conversation, seed),
        Habit::PlainReset => knapsack::plain::reset(&puzzle, &conversation, seed),
    })
}

/// A policy as a [`Model`].
#[derive(Debug)]
pub struct Scripted {
    habit: Habit,
}

impl Scripted {
    /// The policy with that habit.
    pub fn new(habit: Habit) -> Self {
        Self { habit }
    }
}

#[tonic::async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        self.habit.name()
    }

    fn check_family(&self, family: &str) -> Result<(), Error> {
        if family == knapsack::FAMILY {
            return Ok(());
        }
        Err(Error::Unsupported {
            model: self.habit.name().to_owned(),
            family: family.to_owned(),
            reason: format!("scripted policies play {} only", knapsack::FAMILY),
        })
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        let text = answer(self.habit, &request.messages, request.seed)?;
        let usage = estimate_usage(&request.messages, &text);
        Ok(Completion { text, finish_reason: FinishReason::Stop, usage })
    }
}

#[cfg(test)]
mod tests;
