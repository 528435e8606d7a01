//! Where snapshots are stored.

pub mod file;
pub mod folder;
pub mod spill;

use std::borrow::Cow;
use std::io;

use folder::{Folder, Kept};
use spill::{Extent, Spill};

use crate::error::Error;
use crate::options::Options;

/// Where snapshots are stored. What does not fit there stays in memory.
pub enum Storage {
    /// A file without a name, which is gone with the process. It holds the differences alone.
    Spill(Spill),
    /// A file for each snapshot, which stays.
    Folder(Folder),
}

/// The difference of a snapshot from the pristine memory, as bytes in one of three places.
pub enum Stored {
    /// In memory.
    InMemory(Vec<u8>),
    /// In the file without a name.
    Spilled(Extent),
    /// In a file of its own, which holds the rest of the snapshot too.
    Kept(Kept),
}

impl Storage {
    /// The storage that the options ask for.
    ///
    /// # Errors
    /// A directory or a file cannot be made or read.
    pub fn new(options: &Options) -> io::Result<Storage> {
        Ok(match &options.snapshots {
            Some(snapshots) => Storage::Folder(Folder::new(snapshots, options.hibernation_bytes)?),
            None => {
                Storage::Spill(Spill::new(options.hibernation_dir.as_deref(), options.hibernation_bytes)?)
            }
        })
    }

    /// Stores a difference. The rest of its snapshot, `head`, is encoded only if it is stored too.
    pub fn store(&self, head: impl FnOnce() -> io::Result<Vec<u8>>, difference: Vec<u8>) -> Stored {
        let stored = match self {
            Storage::Spill(spill) => spill.store(&difference).map(Stored::Spilled),
            Storage::Folder(folder) => folder.store(head, &difference).map(Stored::Kept),
        };
        stored.unwrap_or(Stored::InMemory(difference))
    }

    /// The bytes on disk that are in use, and the most that may be; both 0 if there is no file.
    pub fn usage(&self) -> (u64, u64) {
        match self {
            Storage::Spill(spill) => spill.usage(),
            Storage::Folder(folder) => folder.usage(),
        }
    }
}

impl Stored {
    /// The stored bytes.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if they cannot be read, or are damaged.
    pub fn read(&self) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Stored::InMemory(bytes) => Ok(Cow::Borrowed(bytes)),
            Stored::Spilled(extent) => {
                extent.read().map(Cow::Owned).map_err(|error| Error::Snapshot(error.into()))
            }
            Stored::Kept(kept) => kept.read_difference().map(Cow::Owned),
        }
    }

    /// The bytes in memory and on disk.
    pub fn bytes(&self) -> (usize, usize) {
        match self {
            Stored::InMemory(bytes) => (bytes.len(), 0),
            Stored::Spilled(extent) => (0, extent.bytes()),
            Stored::Kept(kept) => (0, kept.bytes()),
        }
    }
}
