//! Why a folder is refused, a write fails, or a read does.

use std::io;
use std::path::{Path, PathBuf};

/// A folder that is not opened. Nothing in it has been changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{folder}: another server uses this state folder; stop that server, or choose another folder")]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// It holds files that are not ours.
    #[error(
        "{folder}: not a state folder, and not empty (it holds {found:?}); choose a new or an empty folder"
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// One of the files.
        found: String,
    },
    /// It was written in another format.
    #[error(
        "{path}: the state folder has format {found}, and this server reads format {expected}; start the version that \
         wrote it, or choose another folder"
    )]
    OtherFormat {
        /// The file that says so.
        path: PathBuf,
        /// The folder's format.
        found: u64,
        /// Ours.
        expected: u64,
    },
    /// Its episodes ran on another build of the interpreter.
    #[error(
        "{path}: the state folder's episodes ran on the interpreter {found}, and this server has {expected}; start \
         the version that wrote it, or choose another folder"
    )]
    OtherInterpreter {
        /// The file that says so.
        path: PathBuf,
        /// The folder's interpreter.
        found: String,
        /// Ours.
        expected: String,
    },
    /// A file is damaged.
    #[error("{path}: damaged: {problem}; restore the whole folder from a copy, or choose another folder")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
    /// SQLite says something else.
    #[error("{path}: {problem}")]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        problem: String,
    },
}

impl OpenError {
    /// Turns an error of the system into one that names the file.
    pub(crate) fn file(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::File { path: path.to_owned(), source }
    }

    /// Turns an error of a read into one that names the database.
    pub(crate) fn reading(path: &Path) -> impl Fn(ReadError) -> Self + '_ {
        |error| match error {
            ReadError::Failed(problem) => Self::Database { path: path.to_owned(), problem },
            damaged => Self::Damaged { path: path.to_owned(), problem: damaged.to_string() },
        }
    }
}

/// A change that is not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The disk, or its quota, has no room for it.
    #[error("the state folder's disk is full")]
    Full,
    /// It does not fit what is stored: an episode that is not open, an index that skips steps, a name that is taken.
    #[error("the journal refuses the change: {0}")]
    Refused(String),
    /// The journal has failed, or is closing.
    #[error("the journal writes nothing more")]
    Stopped,
}

/// Something that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No open episode has this key.
    #[error("no open episode has the key {0}")]
    Unknown(u64),
    /// A row's checksum does not match it.
    #[error("the row {key} of the table {table} is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
    },
    /// A step of an episode's past is not there.
    #[error("step {index} of the episode {key} is missing")]
    Missing {
        /// The episode.
        key: u64,
        /// The step.
        index: u64,
    },
    /// The database's structure is damaged.
    #[error("{0}")]
    Structure(String),
    /// SQLite, or the disk, fails.
    #[error("{0}")]
    Failed(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{Error, ErrorCode};
        let code = error.sqlite_error_code();
        let is_damage = matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || matches!(
                error,
                Error::InvalidColumnType(..)
                    | Error::IntegralValueOutOfRange(..)
                    | Error::FromSqlConversionFailure(..)
            );
        if is_damage { Self::Structure(error.to_string()) } else { Self::Failed(error.to_string()) }
    }
}
