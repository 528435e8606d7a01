//! What is counted.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the histogram of commits, in seconds. Longer ones are in one more bucket.
pub const COMMIT_BOUNDS: [f64; 11] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0];

/// What a journal has done since it was opened, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Changes that wait to be stored.
    pub queued_changes: usize,
    /// About how many bytes they have.
    pub queued_bytes: usize,
    /// Transactions that were stored.
    pub commits: u64,
    /// Changes that were stored.
    pub changes: u64,
    /// Changes that found no room.
    pub without_room: u64,
    /// Closes that found no room, and are tried again.
    pub kept_closes: u64,
    /// Tombstones that are kept.
    pub closed: u64,
    /// Bytes of the database, free pages included.
    pub database_bytes: u64,
    /// Bytes of the log that is not yet part of the database, or may be overwritten.
    pub log_bytes: u64,
    /// How many commits took at most as long as each of [`COMMIT_BOUNDS`], and longer than the one before. The last
    /// counts those that took longer than all.
    pub commit_times: [u64; COMMIT_BOUNDS.len() + 1],
    /// The time of all commits together, from the first change's row to the end of the commit.
    pub commit_time: Duration,
}

/// The counts as the writer keeps them.
#[derive(Default)]
pub(crate) struct Counts {
    pub commits: AtomicU64,
    pub changes: AtomicU64,
    pub without_room: AtomicU64,
    pub kept_closes: AtomicU64,
    pub closed: AtomicU64,
    pub database_bytes: AtomicU64,
    pub log_bytes: AtomicU64,
    times: [AtomicU64; COMMIT_BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Counts {
    /// Counts a commit of some changes.
    pub fn commit(&self, changes: usize, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.changes.fetch_add(changes as u64, Ordering::Relaxed);
        let bucket = COMMIT_BOUNDS.iter().position(|bound| took.as_secs_f64() <= *bound);
        self.times[bucket.unwrap_or(COMMIT_BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// All counts.
    pub fn stats(&self, (queued_changes, queued_bytes): (usize, usize)) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            queued_changes,
            queued_bytes,
            commits: read(&self.commits),
            changes: read(&self.changes),
            without_room: read(&self.without_room),
            kept_closes: read(&self.kept_closes),
            closed: read(&self.closed),
            database_bytes: read(&self.database_bytes),
            log_bytes: read(&self.log_bytes),
            commit_times: array::from_fn(|bucket| read(&self.times[bucket])),
            commit_time: Duration::from_nanos(read(&self.nanoseconds)),
        }
    }
}
