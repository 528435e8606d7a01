//! Rollouts: episodes that a model in training plays, and what `trainer grpo` and `agent rollouts` say to each other.
//!
//! The agent is a child of the trainer. It writes a [`FromAgent`] a line to standard output and reads a [`ToAgent`] a line
//! from standard input, both as JSON. First it offers its tasks. For each [`ToAgent::Play`] it plays episodes in rounds:
//! when every episode under way waits for the model, it writes one [`FromAgent::Ask`] for all of them and reads one
//! [`ToAgent::Answers`]. At the end it writes [`FromAgent::Played`]. It ends when its input does.
//!
//! | module     | what it holds                                               |
//! |------------|-------------------------------------------------------------|
//! | `sequence` | the tokens of an episode, and which of them the model wrote |

mod sequence;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conversation::Message;
use crate::trace::{EventKind, Trace};

pub use sequence::{Sequence, Written};

/// The value of [`Offer::schema_version`].
pub const SCHEMA_VERSION: &str = "runtime_gym.rollouts.v1";

/// What the agent says.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FromAgent {
    /// The first line: what can be played.
    Offer(Offer),
    /// A round: what the episodes under way ask the model, in the order of their groups.
    Ask(Vec<Ask>),
    /// The groups of a [`ToAgent::Play`] have been played.
    Played(Played),
}

/// What the trainer says.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToAgent {
    /// Play these groups, all at once.
    Play(Vec<Group>),
    /// The answers of a round, in its order.
    Answers(Vec<Answer>),
}

/// What can be played.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Offer {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// The tasks, in the environment server's order.
    pub tasks: Vec<Task>,
    /// The agent's config, with its defaults.
    pub agent: Value,
    /// SHA-256 of the environment server's interpreter.
    pub interpreter_sha256: String,
}

/// A task that can be played.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Task {
    /// Its family.
    pub family: String,
    /// Its id.
    pub task_id: String,
    /// SHA-256 of its public data.
    pub public_sha256: String,
}

/// Rollouts that are compared with each other: of one task, from its start or from one state of one episode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Group {
    /// The task, by its place in [`Offer::tasks`].
    pub task: usize,
    /// The seeds of the model's randomness, one for each rollout.
    pub seeds: Vec<u64>,
    /// Where the rollouts part, if that is not the task's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
}

/// Where the rollouts of a group part: an episode is played to here and forked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Branch {
    /// The number of turns that all rollouts share.
    pub turns: u32,
    /// The seed of the model's randomness in these turns.
    pub seed: u64,
}

/// What an episode asks the model. The trainer decides the temperature and the length of answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Ask {
    /// The conversation.
    pub messages: Vec<Message>,
    /// Seed of the sampling: another one for each turn of each rollout.
    pub seed: u64,
    /// Texts that end the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Whether the model thinks before it answers, if its chat template has the choice.
    #[serde(default)]
    pub enable_thinking: bool,
}

/// The model's answer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What it says.
    Said(Said),
    /// The conversation does not fit its context; holds the lengths, in words.
    TooLong(String),
    /// The conversation cannot be a prompt; holds the reason.
    Refused(String),
}

/// What the model says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Said {
    /// The text, up to the stop text.
    pub text: String,
    /// Whether the limit of its length ended it.
    pub is_cut: bool,
    /// Ids of the whole prompt.
    pub prompt: Vec<u32>,
    /// Ids of the answer, the one that ended it included.
    pub answer: Vec<u32>,
    /// Natural logarithm of the probability with which each token of the answer was drawn.
    pub logprobs: Vec<f32>,
}

/// What was played.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Played {
    /// The rollouts, in the order of groups and seeds. A group whose episode ended before its [`Branch`] has none.
    pub rollouts: Vec<Rollout>,
    /// Steps of the environment, with those that rollouts share counted once.
    pub steps: u64,
}

/// An episode that was played to its end.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Rollout {
    /// Its group, by its place in [`ToAgent::Play`].
    pub group: usize,
    /// The task's id.
    pub task_id: String,
    /// The tokens, as the engine read and wrote them: one sequence, or several where a prompt did not continue the call
    /// before. Every sequence has tokens of the model's own.
    pub sequences: Vec<Sequence>,
    /// The score of the environment's evaluation, 0 to 1.
    pub reward: f64,
    /// Whether the task was solved, by the same evaluation.
    pub is_solved: bool,
    /// How it ended, as a trace says it.
    pub end: String,
    /// What it did, after the branch if there is one.
    pub habits: Habits,
}

/// What an episode did, in its own turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Habits {
    /// Turns.
    pub turns: u64,
    /// Turns that ran a step of the environment.
    pub steps: u64,
    /// Steps that ended in a missing-variable error.
    pub missing_variables: u64,
    /// Names that steps' top-level code bound to the value that they had before.
    pub names_redefined: u64,
}

impl Habits {
    /// The habits that a trace shows from its event of this number on.
    pub fn of(trace: &Trace, first_event: usize) -> Self {
        let mut habits = Self::default();
        let mut known = BTreeMap::new();
        for (number, event) in trace.events.iter().enumerate() {
            let EventKind::StepEvent(step) = &event.kind else { continue };
            let defined = step.info.iter().flat_map(|info| &info.definitions);
            let again = defined
                .filter(|now| {
                    known.insert(now.name.as_str(), now.digest.as_str()) == Some(now.digest.as_str())
                })
                .count();
            if number < first_event {
                continue;
            }
            habits.turns += 1;
            habits.steps += u64::from(step.info.is_some());
            habits.missing_variables += u64::from(step.misses_a_variable());
            habits.names_redefined += again as u64;
        }
        habits
    }
}
