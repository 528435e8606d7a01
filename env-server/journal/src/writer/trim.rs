//! What nobody uses is deleted, in portions: steps, tasks, tombstones.

use std::time::Duration;

use rusqlite::{Connection, params};

use crate::error::ReadError;
use crate::rows::{self, Closed, Trimmed, execute};
use crate::writer::apply::Tables;

/// Steps that one transaction deletes: a few milliseconds.
const STEPS: usize = 512;
/// Lines, or tasks, with which a transaction begins to delete although others wait for it. So rows that lie side by
/// side are deleted together, and a page is written once for many of them.
const MANY: usize = 64;
/// Tombstones that one call deletes.
const TOMBSTONES: u64 = 1000;

/// Whether there is something to delete.
pub(crate) fn is_wanted(tables: &Tables) -> bool {
    tables.trimmed > 0 || !tables.unused_tasks.is_empty()
}

/// Whether there is so much to delete that it is not left until nothing else is to be done.
pub(crate) fn is_urgent(tables: &Tables) -> bool {
    tables.trimmed >= MANY || tables.unused_tasks.len() >= MANY
}

/// Deletes a portion, within a transaction.
pub(crate) fn portion(connection: &Connection, tables: &mut Tables) -> Result<(), ReadError> {
    let lines = rows::select::<Trimmed>(connection, "ORDER BY line LIMIT ?1", [MANY])?;
    let found = lines.len();
    let mut left = STEPS;
    let mut done = 0;
    for Trimmed { line, first } in lines {
        // From the end: what is left of a line has no gap.
        let sql = "DELETE FROM steps WHERE seq IN \
                   (SELECT seq FROM steps WHERE line = ?1 AND idx >= ?2 ORDER BY idx DESC LIMIT ?3)";
        let deleted = execute(connection, sql, params![line, first, left])?;
        left -= deleted;
        if left == 0 {
            break;
        }
        execute(connection, "DELETE FROM trimmed WHERE line = ?1", [line])?;
        done += 1;
    }
    tables.trimmed =
        if found < MANY && done == found { 0 } else { tables.trimmed.saturating_sub(done).max(1) };
    let tasks = tables.unused_tasks.len().saturating_sub(MANY);
    for task in tables.unused_tasks.drain(tasks..) {
        let sql =
            "DELETE FROM tasks WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM episodes WHERE task = ?1)";
        execute(connection, sql, [task])?;
    }
    Ok(())
}

/// Deletes a portion of the tombstones that are older than this, or beyond this number. `now` is in milliseconds since
/// 1970.
pub(crate) fn tombstones(
    connection: &Connection,
    tables: &mut Tables,
    now: u64,
    older_than: Duration,
    keep_most: u64,
) -> Result<(), ReadError> {
    let oldest = now.saturating_sub(u64::try_from(older_than.as_millis()).unwrap_or(u64::MAX));
    let is_kept = |row: &Closed, closed: u64| row.at >= oldest && closed <= keep_most;
    let first = rows::select::<Closed>(connection, "ORDER BY seq LIMIT ?1", [1])?;
    if first.first().is_none_or(|row| is_kept(row, tables.closed)) {
        return Ok(());
    }
    for row in rows::select::<Closed>(connection, "ORDER BY seq LIMIT ?1", [TOMBSTONES])? {
        if is_kept(&row, tables.closed) {
            break;
        }
        let Closed { tenant, id, .. } = row;
        execute(connection, "DELETE FROM closed WHERE tenant = ?1 AND id = ?2", [tenant, id])?;
        tables.closed = tables.closed.saturating_sub(1);
    }
    Ok(())
}
