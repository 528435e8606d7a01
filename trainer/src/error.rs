//! Errors in the trainer's input.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error in the trainer's input. Every message names the file, and the key or tensor in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's message.
        reason: std::io::Error,
    },
    /// An archive that cannot be read.
    #[error(transparent)]
    Archive(#[from] files::archive::Error),
    /// A file that is not JSON, or not of the expected shape.
    #[error("{path}: {reason}")]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        reason: serde_json::Error,
    },
    /// A file that is not safetensors.
    #[error("{path}: {reason}")]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        reason: safetensors::SafeTensorError,
    },
    /// A tokenizer that cannot be read, or cannot encode or decode.
    #[error("{path}: {reason}")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The library's message.
        reason: String,
    },
    /// A chat template that does not parse.
    #[error("{path}: {reason}")]
    Template {
        /// The file.
        path: PathBuf,
        /// The parser's message.
        reason: String,
    },
    /// A conversation that the chat template refuses.
    #[error("the chat template refuses the conversation: {problem}")]
    Conversation {
        /// The template's message.
        problem: String,
    },
    /// A malformed line.
    #[error("{path}:{line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Its number, counted from one.
        line: usize,
        /// What is wrong.
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
    /// A command-line option that is out of bounds or does not fit another one.
    #[error("{flag}: {problem}")]
    Flag {
        /// The option, such as `--vocab-size`.
        flag: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// No samples remain.
    #[error("nothing to learn from: {problem}")]
    Empty {
        /// What became of the items.
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
        /// What is wrong.
        problem: String,
    },
    /// A tensor that is missing, unknown, or of the wrong shape or type.
    #[error("{path}: tensor `{name}` {problem}")]
    Tensor {
        /// The file or folder.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// An output folder that is not empty.
    #[error("{path}: not empty; choose a new folder")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// There is not enough memory.
    #[error("{problem}")]
    Memory {
        /// What does not fit, and what would fit.
        problem: String,
    },
    /// A shared library that can't be used; the loader's message names the file.
    #[error(transparent)]
    Library(#[from] libloading::Error),
    /// A server that could not start or has failed.
    #[error("{0}")]
    Serve(String),
    /// An operation that a linear layer does not support.
    #[error("`{name}` {problem}")]
    Linear {
        /// The layer's name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The agent that plays episodes can't be started, has ended, or said what can't be used.
    #[error("{0}")]
    Agent(String),
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
