//! Why a transaction does not succeed.

use rusqlite::{Error, ErrorCode, ffi};

use crate::error::ReadError;

/// Why a transaction does not succeed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No room: what was to be written is not stored.
    Full,
    /// A write failed; for want of room, if the disk says so.
    Write(String),
    /// A change does not fit what is stored.
    Refused(String),
    /// The disk fails, or the database is damaged.
    Failed(String),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let problem = error.to_string();
        match &error {
            Error::SqliteFailure(code, _) if code.extended_code == ffi::SQLITE_IOERR_WRITE => {
                Self::Write(problem)
            }
            Error::ToSqlConversionFailure(_) => Self::Refused(problem),
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Self::Full,
                Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => Self::Refused(problem),
                _ => Self::Failed(problem),
            },
        }
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unknown(_) => Self::Refused(error.to_string()),
            damaged => Self::Failed(damaged.to_string()),
        }
    }
}
