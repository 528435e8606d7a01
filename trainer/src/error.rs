//! What can be wrong with what the trainer is given.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can be wrong with what the trainer is given; every message names the file, and the key or tensor in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// An archive that cannot be read.
    #[error(transparent)]
    Archive(#[from] files::archive::Error),
    /// A file that is not JSON, or not the JSON it should be.
    #[error("{path}: {reason}")]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: serde_json::Error,
    },
    /// A file that is not safetensors.
    #[error("{path}: {reason}")]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: safetensors::SafeTensorError,
    },
    /// A tokenizer that cannot be read, or cannot encode or decode.
    #[error("{path}: {reason}")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
    /// A chat template that is not one.
    #[error("{path}: {reason}")]
    Template {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// A conversation that the chat template refuses.
    #[error("the chat template refuses the conversation: {problem}")]
    Conversation {
        /// What it says.
        problem: String,
    },
    /// A line that is not what it should be.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, from one.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A conversation or text that cannot be prepared.
    #[error("{origin}: {reason}")]
    Item {
        /// The file, and the line in it.
        origin: String,
        /// Why.
        reason: Box<Error>,
    },
    /// An option that cannot be.
    #[error("{flag}: {problem}")]
    Flag {
        /// As it is given on the command line.
        flag: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing is left to learn from.
    #[error("nothing to learn from: {problem}")]
    Empty {
        /// Where it all went.
        problem: String,
    },
    /// A training config with problems.
    #[error("{path}: {}", .problems.quoted())]
    Config {
        /// The file.
        path: PathBuf,
        /// All of them, each with its key.
        problems: fields::Problems,
    },
    /// A key that is missing or malformed, or that asks for something unsupported.
    #[error("{path}: `{key}` {problem}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A tensor that is missing, unknown, or of the wrong shape or type.
    #[error("{path}: tensor `{name}` {problem}")]
    Tensor {
        /// The file or folder.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A folder that is to be written but holds something.
    #[error("{path}: not empty; choose a new folder")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Memory that cannot hold what is asked for.
    #[error("{problem}")]
    Memory {
        /// What does not fit, and what would.
        problem: String,
    },
    /// A server that cannot start, or has failed.
    #[error("{0}")]
    Serve(String),
    /// A linear layer that cannot do what is asked of it.
    #[error("`{name}` {problem}")]
    Linear {
        /// The layer's name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A training that ended early or could not start.
    #[error(transparent)]
    Training(#[from] crate::train::Failure),
}

impl Error {
    /// For `map_err` on a file operation.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::File { path, reason }
    }

    pub(crate) fn key(path: impl Into<PathBuf>, key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key { path: path.into(), key: key.into(), problem: problem.into() }
    }

    pub(crate) fn line(path: impl Into<PathBuf>, line: usize, problem: impl Into<String>) -> Self {
        Self::Line { path: path.into(), line, problem: problem.into() }
    }

    pub(crate) fn flag(flag: &'static str, problem: impl Into<String>) -> Self {
        Self::Flag { flag, problem: problem.into() }
    }

    pub(crate) fn tensor(
        path: impl Into<PathBuf>,
        name: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Tensor { path: path.into(), name: name.into(), problem: problem.into() }
    }
}
