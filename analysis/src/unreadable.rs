//! A file or folder that cannot be read at all.

use std::io;
use std::path::{Path, PathBuf};

/// It is not there, or may not be read.
#[derive(Debug, thiserror::Error)]
#[error("reading {path}: {source}")]
pub struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl Unreadable {
    /// Names the path of an error.
    pub fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self { path: path.to_owned(), source }
    }
}
