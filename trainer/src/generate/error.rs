//! Why a request is not served.

use crate::generate::{MAX_ALTERNATIVES, MAX_STOPS};

/// A result of generation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field whose value is out of bounds.
    #[error("`{field}` {problem}")]
    Field {
        /// The field, as [`super::Request`] and [`super::Sampling`] name it.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A prompt that leaves no room for an answer.
    #[error(
        "the prompt has {prompt} tokens; with at least one of answer it does not fit the context of {context} tokens"
    )]
    Overflow {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens of the context.
        context: usize,
    },
    /// No such adapter.
    #[error("there is no adapter `{name}`; loaded: {}", if .known.is_empty() { "none".into() } else { .known.join(", ") })]
    UnknownAdapter {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// An adapter of that name is loaded.
    #[error("an adapter `{name}` is loaded already; ask for its replacement, or choose another name")]
    AdapterExists {
        /// The name.
        name: String,
    },
    /// An adapter that cannot be loaded; nothing has changed.
    #[error("the adapter cannot be loaded: {0}")]
    Adapter(#[source] crate::Error),
    /// As many requests wait as may.
    #[error("{queue} requests are waiting already; try again later")]
    Full {
        /// How many may wait.
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

    pub(super) fn too_many_alternatives(asked: usize) -> Self {
        Self::field("logprobs", format!("is {asked}; at most {MAX_ALTERNATIVES} alternatives are told"))
    }

    pub(super) fn too_many_stops(asked: usize) -> Self {
        Self::field("stop", format!("has {asked} strings; at most {MAX_STOPS} are allowed"))
    }
}
