//! Why a call fails, in either protocol.

use crate::generate;

/// A result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call fails, in either protocol.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field that cannot be as it is.
    #[error("`{field}` {problem}")]
    Field {
        /// Its path in the request.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What the engine refuses.
    #[error(transparent)]
    Generate(#[from] generate::Error),
    /// What the chat template or the tokenizer refuses.
    #[error(transparent)]
    Prompt(crate::Error),
    /// A failure of the server's own.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { field: field.into(), problem: problem.into() }
    }
}
