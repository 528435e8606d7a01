//! What hosts are asked, and what they answer.

use std::sync::Arc;

use proto::task::{TaskFile, TaskState};
use serde_json::Value;

use crate::error::{Error, Violation};

/// The most bytes of the texts of one answer, and of a task.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// A question to a host about a task.
#[derive(Debug)]
pub struct Request {
    /// The family.
    pub family: String,
    /// The task file, without what its host has said of it.
    pub task_json: Arc<str>,
    /// What is asked.
    pub question: Question,
}

/// What a host is asked.
#[derive(Debug)]
pub enum Question {
    /// How an episode begins.
    Open,
    /// What a tool does.
    Tool {
        /// The state before the call.
        state: Arc<TaskState>,
        /// The tool.
        tool: String,
        /// All its arguments by name, a JSON object as text.
        arguments_json: String,
    },
}

/// What a host answers.
#[derive(Debug)]
pub enum Answer {
    /// How the episode begins.
    Opened {
        /// The task in words.
        goal: String,
        /// The first state.
        state: TaskState,
    },
    /// What the tool did.
    Result {
        /// Its answer.
        result: Value,
        /// The state after it.
        state: TaskState,
    },
    /// The tool refuses, in words for the agent; nothing has changed.
    Refusal(String),
    /// The family failed, or this is no answer: why.
    Fault(String),
}

impl Request {
    /// A question about a task.
    ///
    /// # Errors
    /// The task is too large.
    pub fn new(task: &TaskFile, question: Question) -> Result<Self, Error> {
        let json = serde_json::to_string(task).map_err(|error| Error::Internal(error.to_string()))?;
        if json.len() > MAX_TEXT_BYTES {
            let rule = format!("is longer than {MAX_TEXT_BYTES} bytes, the most of a hosted family");
            return Err(Violation::new("task_json", rule).into());
        }
        Ok(Self { family: task.family.clone(), task_json: json.into(), question })
    }
}

impl Answer {
    /// The fault of a family that answers so where something else was asked.
    pub fn unfit(self, family: &str) -> Error {
        let why = match self {
            Self::Fault(why) => why,
            Self::Opened { .. } => "it answers a tool call with `opened`".to_owned(),
            Self::Result { .. } | Self::Refusal(_) => "it answers an open with a tool's answer".to_owned(),
        };
        Error::FamilyFault { family: family.to_owned(), why }
    }
}
