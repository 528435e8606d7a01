//! Why a trace can't be replayed.

use crate::error::Violation;

/// Why a trace can't be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] files::Error),
    /// An archive can't be read.
    #[error(transparent)]
    Archive(#[from] files::archive::Error),
    /// A folder can't be read.
    #[error("reading {path}: {source}")]
    Folder {
        /// Which folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no trace in a folder or an archive.
    #[error("holds no trace (a file that ends in .trace.json)")]
    Empty,
    /// It is no trace, it was changed, or it does not fit what is here.
    #[error("{}: {}", .0.field, .0.description)]
    Field(Violation),
    /// The episode can't be played here.
    #[error("it can't be played: {0}")]
    Play(crate::error::Error),
}

impl Error {
    /// The error of a field of the trace, by its path.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Field(Violation::new(field, description))
    }

    /// The path of the field that is wrong, if one is.
    pub fn field_path(&self) -> Option<&str> {
        match self {
            Self::Field(violation) => Some(&violation.field),
            _ => None,
        }
    }
}

/// A violation of an episode's definition is one of the trace's provenance.
impl From<crate::error::Error> for Error {
    fn from(error: crate::error::Error) -> Self {
        match error {
            crate::error::Error::Invalid(Violation { field, description }) => {
                Self::field(format!("provenance.{field}"), description)
            }
            error => Self::Play(error),
        }
    }
}
