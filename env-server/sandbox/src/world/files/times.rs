//! The times of files and directories.
//!
//! A change takes its time from [`Files::now`]. As on a Linux file system without access times, reading changes none.

use serde::{Deserialize, Serialize};

use super::{Content, Error, Files, Node};
use crate::world::clock::Time;

/// The times of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    pub accessed: Time,
    /// When the content was changed last, or a directory's entries.
    pub modified: Time,
    /// When anything was changed last, these times among it.
    pub changed: Time,
}

impl Times {
    /// All times alike.
    pub fn all(time: Time) -> Times {
        Times { accessed: time, modified: time, changed: time }
    }
}

/// A new value of a time: `new-timestamp` of `wasi:filesystem`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewTime {
    Unchanged,
    Now,
    At(Time),
}

impl NewTime {
    fn apply(self, time: &mut Time, now: Time) {
        match self {
            NewTime::Unchanged => {}
            NewTime::Now => *time = now,
            NewTime::At(new) => *time = new,
        }
    }
}

impl Files {
    /// Sets the times of a file or directory.
    pub fn set_times(&mut self, node: Node, accessed: NewTime, modified: NewTime) -> Result<(), Error> {
        let now = self.now;
        let times = self.times_mut(node).ok_or(Error::BadDescriptor)?;
        accessed.apply(&mut times.accessed, now);
        modified.apply(&mut times.modified, now);
        times.changed = now;
        Ok(())
    }

    /// Notes that the content of a file, or the entries of a directory, were changed.
    pub(super) fn modified(&mut self, node: Node) {
        let now = self.now;
        if let Some(times) = self.times_mut(node) {
            times.modified = now;
            times.changed = now;
        }
    }

    /// Notes that a file or directory was moved or removed.
    pub(super) fn changed(&mut self, node: Node) {
        let now = self.now;
        if let Some(times) = self.times_mut(node) {
            times.changed = now;
        }
    }

    fn times_mut(&mut self, node: Node) -> Option<&mut Times> {
        match self.nodes.get_mut(&node)? {
            Content::File { times, .. } | Content::Directory { times, .. } => Some(times),
        }
    }
}
