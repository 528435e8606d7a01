//! Models: one trait, and what goes through it.
//!
//! A client turns a conversation into the next assistant message. It knows
//! nothing of tasks, episodes or interpreters. A client is a module here and a
//! value of [`config::Backend`].
//!
//! [`config::Backend`]: crate::config::Backend

use std::fmt;
use std::sync::Arc;

use proto::trace::TokenUsage;

use crate::config;

mod inference;
pub mod scripted;

pub use inference::Inference;

/// A model that continues conversations.
#[tonic::async_trait]
pub trait Model: fmt::Debug + Send + Sync {
    /// The model's name, for traces.
    fn name(&self) -> &str;

    /// What tells its weights from all others.
    fn weights(&self) -> Weights {
        Weights::default()
    }

    /// Says whether this model can play a task family at all, so that a run
    /// which cannot work ends before its first episode.
    ///
    /// # Errors
    /// [`Error::Unsupported`] naming the family.
    fn check_family(&self, _family: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Writes the next assistant message.
    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error>;
}

/// Digests of a model's weights, in hex; empty where there are none, or nobody tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// SHA-256 of the base.
    pub model_sha256: String,
    /// SHA-256 of the adapter.
    pub adapter_sha256: String,
}

/// The client that a config names, connected.
///
/// # Errors
/// [`Error::Unknown`] if no backend, or not the one it names, has the model;
/// [`Error::Connect`] if its server does not answer.
pub async fn from_config(llm: &config::Llm) -> Result<Arc<dyn Model>, Error> {
    let unknown = || Error::Unknown { model: llm.model.clone() };
    match llm.backend().ok_or_else(unknown)? {
        config::Backend::Scripted => {
            let habit = scripted::Habit::named(&llm.model).ok_or_else(unknown)?;
            Ok(Arc::new(scripted::Scripted::new(habit)))
        }
        config::Backend::Inference => Ok(Arc::new(Inference::connect(llm).await?)),
    }
}

/// A conversation to continue.
#[derive(Clone, Debug, Default)]
pub struct GenerateRequest {
    /// In order; the answer comes after the last.
    pub messages: Vec<Message>,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Same seed, same request: same answer, as far as the model allows.
    pub seed: u64,
    /// Most new tokens.
    pub max_tokens: u32,
}

/// How tokens are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 is greedy.
    pub temperature: f64,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The task, and what the environment answers.
    User,
    /// The model.
    Assistant,
}

impl Message {
    /// A system message.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// A user message.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// An assistant message.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// What a model answered.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The assistant message.
    pub text: String,
    /// Why it ended there.
    pub finish_reason: FinishReason,
    /// Tokens sent and written.
    pub usage: TokenUsage,
}

/// Why an answer ended where it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended its turn.
    Stop,
    /// `max_tokens` or the context's end.
    Length,
    /// Another reason, in the server's words.
    Other(String),
}

impl fmt::Display for FinishReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Other(reason) => reason,
        })
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No backend has such a model.
    #[error("no backend of this version has a model `{model}`")]
    Unknown {
        /// Which model.
        model: String,
    },
    /// The config names no server.
    #[error("the model `{model}` needs an inference server: name one with `llm.url` or with --inference URL")]
    NoServer {
        /// Which model.
        model: String,
    },
    /// The model's server does not answer at all.
    #[error(transparent)]
    Connect(#[from] client::ConnectError),
    /// The server has no such model.
    #[error("the inference server at {url} does not serve `{model}`; it serves: {serves}")]
    NotServed {
        /// Which server.
        url: String,
        /// Which model.
        model: String,
        /// What it has.
        serves: String,
    },
    /// The server can't be talked to any more.
    #[error("the inference server at {url} can't be reached: {problem}")]
    Unreachable {
        /// Which server.
        url: String,
        /// What the last attempt said.
        problem: String,
    },
    /// The conversation is longer than the model's context.
    #[error("the conversation does not fit the model's context: {problem}")]
    ContextOverflow {
        /// By how much, in the server's words.
        problem: String,
    },
    /// No answer came in time.
    #[error("the model did not answer within {seconds} s")]
    Timeout {
        /// The limit.
        seconds: f64,
    },
    /// The server refused the call.
    #[error("the inference server refused: {problem}")]
    Refused {
        /// In its words.
        problem: String,
    },
    /// This model cannot play the family.
    #[error("the model `{model}` cannot play the task family `{family}`: {reason}")]
    Unsupported {
        /// Which model.
        model: String,
        /// Which family.
        family: String,
        /// Why, and what it can play.
        reason: String,
    },
    /// The conversation lacks what this model needs.
    #[error("the model `{model}` does not understand the conversation: {reason}")]
    Conversation {
        /// Which model.
        model: String,
        /// What is missing.
        reason: String,
    },
}

/// Estimated tokens of a text: UTF-8 bytes / 4, rounded up.
pub fn estimate_tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

/// Estimated usage of one answer, for models without a tokenizer.
pub fn estimate_usage(messages: &[Message], text: &str) -> TokenUsage {
    let prompt_tokens = estimate_tokens(messages.iter().map(|message| message.content.len()).sum());
    let completion_tokens = estimate_tokens(text.len());
    TokenUsage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        estimated: true,
    }
}
