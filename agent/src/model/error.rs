//! Why a model gives no answer.

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
    #[error("the model `{model}` needs an inference server: name one with `llm.url` or with --inference URL")]
    NoServer {
        /// The model.
        model: String,
    },
    /// No connection to the model's server could be made.
    #[error(transparent)]
    Connect(#[from] client::ConnectError),
    /// The server does not have the model.
    #[error("the inference server at {url} does not serve `{model}`; it serves: {serves}")]
    NotServed {
        /// The server.
        url: String,
        /// The model.
        model: String,
        /// The models that the server has.
        serves: String,
    },
    /// The connection to the server is lost.
    #[error("the inference server at {url} can't be reached: {problem}")]
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
    /// No answer came in time.
    #[error("the model did not answer within {seconds} s")]
    Timeout {
        /// The limit.
        seconds: f64,
    },
    /// The server refused the call.
    #[error("the inference server refused: {problem}")]
    Refused {
        /// The reason, in the server's words.
        problem: String,
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
