//! Why a file cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// A file that could not be read, understood or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// "reading" or "writing".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Not the JSON that was expected; the message names line, column and key.
    #[error("{path}: {source}")]
    Json {
        /// Which file.
        path: PathBuf,
        /// What is wrong in it.
        source: serde_json::Error,
    },
}

impl Error {
    /// For `map_err` on a read of `path`.
    pub fn reading(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { action: "reading", path: path.to_owned(), source }
    }

    /// For `map_err` on a write of `path`.
    pub fn writing(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { action: "writing", path: path.to_owned(), source }
    }
}
