//! Why a request is refused or fails.

/// A result of generation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a request is refused or fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field is out of bounds.
    #[error("`{field}` {problem}")]
    Field {
        /// The field's name in the protocols, such as `max_tokens`.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The prompt leaves no room for an answer.
    // vLLM's words, by which clients recognise it.
    #[error(
        "This model's maximum context length is {context} tokens. However, your prompt contains at least {prompt} input \
         tokens, which {}. Please reduce the length of the input prompt.",
        if .prompt > .context { "exceeds this limit even without any output tokens" } else { "leaves no room for output tokens" }
    )]
    Overflow {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens of the context.
        context: usize,
    },
    /// There is no such adapter.
    #[error("there is no adapter `{name}`; loaded: {}", if .known.is_empty() { "none".into() } else { .known.join(", ") })]
    UnknownAdapter {
        /// The requested name.
        name: String,
        /// The names of the loaded adapters.
        known: Vec<String>,
    },
    /// An adapter of that name is loaded already.
    #[error("an adapter `{name}` is loaded already; ask for its replacement, or choose another name")]
    AdapterExists {
        /// The name.
        name: String,
    },
    /// The adapter cannot be loaded; nothing has changed.
    #[error("the adapter cannot be loaded: {0}")]
    Adapter(#[source] crate::Error),
    /// The queue is full.
    #[error("{queue} requests are waiting already; try again later")]
    Full {
        /// The number of requests that may wait.
        queue: usize,
    },
    /// The engine has been stopped, or has failed.
    #[error("the engine has stopped")]
    Stopped,
}

impl Error {
    pub(super) fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { field, problem: problem.into() }
    }
}
