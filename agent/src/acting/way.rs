//! What the episode's loop needs from a way of acting.

use std::fmt;

use proto::env::v1::{CodeAction, InitialObservation, Limits, step_request};
use proto::trace::Step;

/// A way of acting.
pub trait Acting: fmt::Debug + Send + Sync {
    /// What the model is told before its first turn.
    fn opening(&self, observation: &InitialObservation, limits: &Limits) -> Opening;

    /// The end of this request's last user message, which the conversation does not keep. `globals` are the names in the
    /// interpreter.
    fn reminder(&self, globals: &[String]) -> Option<String>;

    /// The action in a model's answer; `None` if it holds none, which is not an error.
    ///
    /// # Errors
    /// Why the answer can't be run, in words for the model.
    fn action(&self, answer: &str) -> Result<Option<Action>, String>;

    /// Whether an answer that was cut off holds a whole action all the same.
    fn is_whole(&self, cut_answer: &str) -> bool;

    /// The message that answers a turn: the step's result, its error, or that there was nothing to run. `None` if the
    /// server was lost.
    fn reply(&self, step: &Step) -> Option<String>;
}

/// What a model is told before its first turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The system message.
    pub system: String,
    /// The task: the first user message.
    pub task: String,
}

/// An action that the environment can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A block of Python.
    Code(String),
}

impl Action {
    /// Notes the action in the step that it belongs to.
    pub fn record(&self, step: &mut Step) {
        match self {
            Self::Code(code) => step.code = Some(code.clone()),
        }
    }
}

impl From<Action> for step_request::Action {
    fn from(action: Action) -> Self {
        match action {
            Action::Code(code) => Self::Code(CodeAction { code }),
        }
    }
}
