//! Whether the disk has room. New episodes and steps are refused before it is full, so that closes still fit.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rustix::fs::statvfs;
use rustix::io::Errno;

use crate::database::{self, PAGE};

/// Bytes that a file must be able to grow by before the disk counts as no longer full.
const TRIAL: usize = 1 << 20;

/// Whether a folder's disk has room.
pub(crate) struct Room {
    folder: PathBuf,
    reserve: u64,
    max_bytes: Option<u64>,
    has_room: AtomicBool,
    /// A write found no room, and none has been tried since.
    was_full: AtomicBool,
}

impl Room {
    pub fn new(folder: &Path, reserve: u64, max_bytes: Option<u64>) -> Self {
        let (has_room, was_full) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { folder: folder.to_owned(), reserve, max_bytes, has_room, was_full }
    }

    /// Whether there was room when it was last measured.
    pub fn has_room(&self) -> bool {
        self.has_room.load(Ordering::Relaxed)
    }

    /// Notes that a write found no room.
    pub fn found_full(&self) {
        self.was_full.store(true, Ordering::Relaxed);
        self.has_room.store(false, Ordering::Relaxed);
    }

    /// Measures again. After a write that found no room, only a trial can say that there is some.
    pub fn measure(&self, connection: &Connection) {
        let mut has_room = self.has_reserve(connection);
        if has_room && self.was_full.load(Ordering::Relaxed) {
            has_room = matches!(self.is_full(), Ok(false));
            self.was_full.store(!has_room, Ordering::Relaxed);
        }
        self.has_room.store(has_room, Ordering::Relaxed);
    }

    fn has_reserve(&self, connection: &Connection) -> bool {
        let disk = statvfs(&self.folder).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        // Where the system does not say, a write will.
        let has_disk = disk.is_ok_and(|free| free >= self.reserve) || disk.is_err();
        let Some(max_bytes) = self.max_bytes else { return has_disk };
        let used = || -> rusqlite::Result<u64> {
            let free: u64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
            Ok(database::bytes(connection)? - free * PAGE)
        };
        has_disk && used().is_ok_and(|used| used + self.reserve <= max_bytes)
    }

    /// Tries whether a file can grow beyond the log's size: no room, a quota and a limit of files' sizes are all found.
    pub fn is_full(&self) -> io::Result<bool> {
        let path = self.folder.join("ROOM");
        let size =
            fs::metadata(database::log_of(&self.folder.join(database::FILE))).map_or(0, |log| log.len());
        let grown = File::create(&path).and_then(|file| file.write_all_at(&vec![0; TRIAL], size));
        let removed = fs::remove_file(&path);
        match grown.and(removed) {
            Ok(()) => Ok(false),
            Err(error) if is_full(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// Whether the system says that there is no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT | Errno::FBIG))
}
