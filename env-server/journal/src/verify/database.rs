//! The structure of the database, and the checksum of every row.

use rusqlite::Connection;

use crate::error::ReadError;
use crate::rows::{self, Closed, Episode, Meta, Snapshot, Step, Stored, Task, Trimmed, Use};

/// The largest database, in bytes, that is verified before it is used; that takes about half a second. A larger one is verified
/// while it is used.
pub(crate) const AT_ONCE: u64 = 256 << 20;

/// Verifies the structure, that each index matches its table, and every row.
///
/// # Errors
/// The damage that was found first.
pub(crate) fn verify(connection: &Connection) -> Result<(), ReadError> {
    let problem: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if problem != "ok" {
        return Err(ReadError::Structure(problem));
    }
    verify_table::<Meta>(connection)?;
    verify_table::<Task>(connection)?;
    verify_table::<Episode>(connection)?;
    verify_table::<Use>(connection)?;
    verify_table::<Trimmed>(connection)?;
    verify_table::<Snapshot>(connection)?;
    verify_table::<Closed>(connection)?;
    verify_table::<Step>(connection)
}

fn verify_table<T: Stored>(connection: &Connection) -> Result<(), ReadError> {
    rows::each::<T>(connection, "", [], |_| Ok(()))
}
