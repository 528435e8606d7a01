//! Why a call fails, in either protocol.

use crate::generate;

/// A result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call fails, in either protocol.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field is missing or malformed.
    #[error("`{field}` {problem}")]
    Field {
        /// Its path in the request.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The engine refuses the request.
    #[error(transparent)]
    Generate(#[from] generate::Error),
    /// The chat template or the tokenizer refuses the prompt.
    #[error(transparent)]
    Prompt(crate::Error),
    /// The server failed.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { field: field.into(), problem: problem.into() }
    }
}
