//! A thread copies the log into the database while the writer writes. Once all of the log is copied, the next commit is
//! written over the log's beginning.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, ffi};

use crate::database;
use crate::shared::Shared;

/// Frames by which the log grows between two copies: 8 MiB.
pub(crate) const FRAMES: u32 = 2048;
/// From this many frames on (64 MiB), the writer sees to it that the log is written from its beginning again. SQLite does so by
/// itself only in a pause.
pub(crate) const MANY_FRAMES: u32 = 16384;
/// Frames that the writer may have to copy for that: about 10 ms.
const FEW_FRAMES: u32 = 512;
/// How long the writer waits for reads that use the log.
const WAIT: Duration = Duration::from_millis(20);

/// The thread that copies.
pub(crate) struct Checkpointer {
    wake: SyncSender<()>,
    /// Frames of the log that its newest copy found in the database.
    copied: Arc<AtomicU32>,
    thread: JoinHandle<()>,
}

impl Checkpointer {
    /// Starts the thread on a connection of its own.
    pub fn start(connection: Connection, shared: Arc<Shared>) -> io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let copied = Arc::new(AtomicU32::new(0));
        let noted = copied.clone();
        let thread = thread::Builder::new()
            .name("journal-checkpoint".to_owned())
            .spawn(move || copy_when_woken(&connection, &woken, &noted, &shared))?;
        Ok(Self { wake, copied, thread })
    }

    /// Copies soon.
    pub fn wake(&self) {
        // If it has been woken already, once is enough.
        let _ = self.wake.try_send(());
    }

    /// Whether a log of `frames` frames should be written from its beginning again: it is long, and nearly all of it is copied, so
    /// that this is quick.
    pub fn should_begin_anew(&self, frames: u32) -> bool {
        let left = frames.saturating_sub(self.copied.load(Ordering::Relaxed));
        frames >= MANY_FRAMES && (left <= FEW_FRAMES || frames >= 2 * MANY_FRAMES)
    }

    /// Ends the thread, after what it is doing.
    pub fn stop(self) {
        drop(self.wake);
        if self.thread.join().is_err() {
            tracing::error!("the journal's checkpoint thread has panicked");
        }
    }
}

fn copy_when_woken(connection: &Connection, woken: &Receiver<()>, noted: &AtomicU32, shared: &Shared) {
    while woken.recv().is_ok() {
        kill_points::pass("checkpoint.before");
        let copied = run(connection, "PASSIVE");
        kill_points::pass("checkpoint.after");
        match copied {
            Ok(copied) => noted.store(copied.frames, Ordering::Relaxed),
            Err(error) if is_want_of_room(&error, shared) => warn(&error),
            Err(error) => {
                shared.fail(&format!("the log cannot be copied into the database: {error}"));
                return;
            }
        }
    }
}

fn is_want_of_room(error: &rusqlite::Error, shared: &Shared) -> bool {
    let is_write = error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE);
    is_write && matches!(shared.room.is_full(), Ok(true))
}

fn warn(error: &rusqlite::Error) {
    tracing::warn!(%error, "the log is not copied into the database");
}

/// What a copy did.
pub(crate) struct Copied {
    /// Frames of the log that are in the database.
    pub frames: u32,
    /// Whether these are all, and nobody reads them in the log. They may not be while something is read, or while the
    /// disk is full.
    pub is_all: bool,
}

/// Copies the log into the database, in one of SQLite's modes.
pub(crate) fn run(connection: &Connection, mode: &str) -> rusqlite::Result<Copied> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let done = connection.query_row(&sql, [], |row| {
        let (busy, frames, copied): (i64, i64, i64) = row.try_into()?;
        let is_all = busy == 0 && frames == copied;
        Ok(Copied { frames: u32::try_from(copied).unwrap_or_default(), is_all })
    });
    match done {
        Err(error)
            if matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy)) =>
        {
            warn(&error);
            Ok(Copied { frames: 0, is_all: false })
        }
        done => done,
    }
}

/// Copies the rest of the log, so that the next commit is written to the log's beginning. It waits for reads of the log, but
/// not long.
pub(crate) fn begin_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(WAIT)?;
    kill_points::pass("checkpoint.before_anew");
    run(connection, "RESTART")?;
    kill_points::pass("checkpoint.after_anew");
    connection.busy_timeout(database::BUSY)
}
