//! Reads, on connections of their own. They see what is stored, and nothing that waits.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::database;
use crate::error::ReadError;
use crate::rows::{self, Closed, Episode, Snapshot, Step, Task, Use};

/// Connections that wait for the next read.
const IDLE: usize = 16;

/// Reads of a database, from any thread.
pub(crate) struct Reader {
    database: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Reader {
    pub fn new(database: PathBuf) -> Self {
        Self { database, idle: Mutex::default() }
    }

    /// The task of an open episode.
    pub fn task(&self, key: u64) -> Result<Vec<u8>, ReadError> {
        self.read(|connection| {
            let episode = episode(connection, key)?;
            let tasks = rows::select::<Task>(connection, "WHERE sha256 = ?1", [&episode.task])?;
            let lost = || ReadError::Damaged { table: "episodes", key: key.to_string() };
            tasks.into_iter().next().map(|task| task.text).ok_or_else(lost)
        })
    }

    /// Steps of an open episode's past.
    pub fn steps(&self, key: u64, indexes: Range<u64>) -> Result<Vec<Vec<u8>>, ReadError> {
        self.read(|connection| {
            let parts = rows::select::<Use>(connection, "WHERE episode = ?1 ORDER BY first", [key])?;
            if parts.is_empty() {
                return Err(ReadError::Unknown(key));
            }
            let mut bodies = Vec::new();
            let mut next = indexes.start;
            for part in parts {
                let until = part.until.unwrap_or(u64::MAX).min(indexes.end);
                if part.first > next || until <= next {
                    continue;
                }
                let condition = "WHERE line = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx";
                let (first, until) = (next, until.min(i64::MAX as u64));
                rows::each::<Step>(connection, condition, params![part.line, first, until], |step| {
                    if step.index != next {
                        return Err(ReadError::Missing { key, index: next });
                    }
                    bodies.push(step.body);
                    next += 1;
                    Ok(())
                })?;
            }
            if next < indexes.end { Err(ReadError::Missing { key, index: next }) } else { Ok(bodies) }
        })
    }

    /// The newest snapshot of an open episode.
    pub fn snapshot(&self, key: u64) -> Result<Option<(String, u64)>, ReadError> {
        self.read(|connection| {
            let rows = rows::select::<Snapshot>(connection, "WHERE episode = ?1", [key])?;
            Ok(rows.into_iter().next().map(|row| (row.name, row.before)))
        })
    }

    /// The tombstone of a closed episode.
    pub fn closed(&self, tenant: &str, id: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.read(|connection| {
            let rows = rows::select::<Closed>(connection, "WHERE tenant = ?1 AND id = ?2", [tenant, id])?;
            Ok(rows.into_iter().next().map(|row| row.body))
        })
    }

    /// Reads one state of the database.
    fn read<T>(&self, action: impl FnOnce(&Transaction<'_>) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => database::reader(&self.database)?,
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
        let found = action(&transaction)?;
        transaction.finish()?;
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(found)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row of an open episode.
pub(crate) fn episode(connection: &Connection, key: u64) -> Result<Episode, ReadError> {
    let rows = rows::select::<Episode>(connection, "WHERE key = ?1", [key])?;
    rows.into_iter().next().ok_or(ReadError::Unknown(key))
}
