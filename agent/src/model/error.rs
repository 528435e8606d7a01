//! Why a model gives no answer.

use std::path::PathBuf;

/// Why a model gives no answer, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No backend has such a model.
    #[error("no backend of this version has a model `{model}`")]
    Unknown {
        /// The model.
        model: String,
    },
    /// The config names no server.
    #[error("the model `{model}` needs a server: name one with `llm.url` or with --inference URL")]
    NoServer {
        /// The model.
        model: String,
    },
    /// No connection to the model's server could be made.
    #[error(transparent)]
    Connect(#[from] client::ConnectError),
    /// The server does not have the model.
    #[error("the model server at {url} does not serve `{model}`; it serves: {serves}")]
    NotServed {
        /// The server.
        url: String,
        /// The model.
        model: String,
        /// The models that the server has.
        serves: String,
    },
    /// Two servers of one model have different weights.
    #[error("{} and {} serve different weights as `{model}`", urls[0], urls[1])]
    OtherWeights {
        /// The model.
        model: String,
        /// The servers.
        urls: [String; 2],
    },
    /// The server can't be reached, or failed at every attempt.
    #[error("the model server at {url} gave no answer: {problem}")]
    Unreachable {
        /// The server.
        url: String,
        /// What the last attempt reported.
        problem: String,
    },
    /// The conversation is longer than the model's context.
    #[error("the conversation does not fit the model's context: {problem}")]
    ContextOverflow {
        /// The lengths, in the server's words.
        problem: String,
    },
    /// The player has left: there will be no more answers.
    #[error("the player left")]
    Left,
    /// No answer came in time.
    #[error("the model did not answer within {seconds} s")]
    Timeout {
        /// The limit.
        seconds: f64,
    },
    /// The server refused the call.
    #[error("the model server at {url} refused: {problem}")]
    Refused {
        /// The server.
        url: String,
        /// The reason, in the server's words.
        problem: String,
    },
    /// The server refuses every call: the key, the model or the URL is wrong.
    #[error("the model server at {url} refused: {problem} ({advice})")]
    Unusable {
        /// The server.
        url: String,
        /// The reason, in the server's words.
        problem: String,
        /// What to do.
        advice: String,
    },
    /// There is no API key.
    #[error(
        "there is no API key: set the environment variable {variable}, or write {variable}=KEY into the file .env"
    )]
    NoKey {
        /// The environment variable that the config names.
        variable: String,
    },
    /// An API key can't be sent.
    #[error("the API key in {variable} has characters that can't be sent; was more than the key copied?")]
    BadKey {
        /// The environment variable that the config names.
        variable: String,
    },
    /// No HTTP client can be made.
    #[error("HTTP: {problem}")]
    Http {
        /// The reason.
        problem: String,
    },
    /// The file of kept answers can't be used.
    #[error("{}: {problem} (it keeps the models' answers; choose another `cache_db_path`, or leave it out)", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// The reason.
        problem: String,
    },
    /// A folder holds no adapter.
    #[error("{}: not an adapter: {problem} (see `llm.lora_path`)", path.display())]
    Adapter {
        /// The folder.
        path: PathBuf,
        /// The reason.
        problem: std::io::Error,
    },
    /// The model cannot play the family.
    #[error("the model `{model}` cannot play the task family `{family}`: {reason}")]
    Unsupported {
        /// The model.
        model: String,
        /// The family.
        family: String,
        /// The families that it can play.
        reason: String,
    },
    /// The conversation lacks something that the model needs.
    #[error("the model `{model}` does not understand the conversation: {reason}")]
    Conversation {
        /// The model.
        model: String,
        /// What is missing.
        reason: String,
    },
}

impl Error {
    /// Whether other calls would fail in the same way: the reason is the server or the config, not the conversation.
    pub fn is_of_all_calls(&self) -> bool {
        !matches!(
            self,
            Self::ContextOverflow { .. }
                | Self::Timeout { .. }
                | Self::Refused { .. }
                | Self::Conversation { .. }
        )
    }
}
