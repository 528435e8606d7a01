//! What the conversation needs from a way of acting.

use std::fmt;

use proto::conversation::ToolCall;
use serde_json::Value;

use crate::prompts::{Facts, Prompts};

/// A way of acting.
pub trait Acting: fmt::Debug + Send + Sync {
    /// What the model is told before its first turn.
    ///
    /// # Errors
    /// What the prompts' templates report.
    fn opening(&self, prompts: &Prompts, facts: Facts) -> Result<Opening, minijinja::Error>;

    /// Whether each request ends with the names in the interpreter, which the conversation does not keep.
    fn shows_names(&self) -> bool;

    /// The action in a model's answer; `None` if it holds none, which is not an error.
    ///
    /// # Errors
    /// Why the answer can't be run, in words for the model.
    fn action(&self, answer: Answer<'_>) -> Result<Option<Action>, String>;

    /// Whether an answer that was cut off holds a whole action all the same.
    fn is_whole(&self, cut_answer: Answer<'_>) -> bool;
}

/// What a model answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'answer> {
    /// Its text.
    pub text: &'answer str,
    /// The tools that it called beside the text.
    pub calls: &'answer [ToolCall],
}

/// What a model is told before its first turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The system message.
    pub system: String,
    /// The task: the first user message.
    pub task: String,
    /// The functions that the model can call beside its text, in OpenAI's form.
    pub tools: Vec<Value>,
}

/// An action that the environment can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A block of Python.
    Code(String),
    /// Calls of tools, at least one.
    Tools(Vec<ToolCall>),
}
