//! The state of an interpreter between two steps, compressed and independent of any instance.

mod difference;
mod head;

use head::{Bounds, Head};

use crate::error::Error;
use crate::host::Host;
use crate::limits::Limits;
use crate::pages::{self, PAGE_BYTES};
use crate::past::StoredSnapshot;
use crate::storage::{Storage, Stored};
use crate::world::World;

/// The exact state of an interpreter, stored as the difference from the pristine state.
pub struct Snapshot {
    head: Head,
    difference: Stored,
}

impl Snapshot {
    /// Stores the difference between `memory` and the pristine memory. `before` is the index of the first step that is not
    /// in it. It yields every few milliseconds.
    ///
    /// # Errors
    /// More than `max_bytes` differ.
    pub async fn take(
        host: &Host,
        before: u64,
        memory: &[u8],
        variables: Vec<i32>,
        world: World,
        max_bytes: usize,
    ) -> Result<Snapshot, TooLarge> {
        let pages = pages::changed(memory, host.pristine());
        let bytes = pages.len() * PAGE_BYTES;
        if bytes > max_bytes {
            return Err(TooLarge { bytes });
        }
        let packed = difference::pack(memory, &pages, host.pristine()).await;
        let head = Head { before, memory_bytes: memory.len(), pages, variables, world };
        let difference = host.storage.store(|| head.encode(), packed);
        Ok(Snapshot { head, difference })
    }

    /// Opens a stored snapshot and checks it.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it cannot be read, is damaged, or does not fit to this sandbox and these limits.
    pub fn open(host: &Host, limits: &Limits, stored: &StoredSnapshot) -> Result<Snapshot, Error> {
        let Storage::Folder(folder) = &host.storage else {
            return Err(Error::Snapshot("this sandbox stores no snapshots".into()));
        };
        let (head, kept) = folder.open(&stored.name)?;
        let bounds = Bounds {
            pristine_bytes: host.pristine().len(),
            memory_bytes: limits.memory_bytes.min(host.max_memory_bytes()),
            variables: host.variables(),
            scratch_bytes: limits.scratch_bytes,
        };
        let head = Head::decode(&head, &bounds).map_err(|why| kept.unusable(why))?;
        if head.before != stored.before {
            return Err(kept.unusable("it was taken after another step"));
        }
        Ok(Snapshot { head, difference: Stored::Kept(kept) })
    }

    /// Its file, if it has one.
    pub fn stored(&self) -> Option<StoredSnapshot> {
        match &self.difference {
            Stored::Kept(kept) => Some(StoredSnapshot { name: kept.name(), before: self.head.before }),
            Stored::InMemory(_) | Stored::Spilled(_) => None,
        }
    }

    /// The size in bytes of the memory that it restores.
    pub fn memory_bytes(&self) -> usize {
        self.head.memory_bytes
    }

    /// The values of the guest's mutable globals.
    pub fn variables(&self) -> &[i32] {
        &self.head.variables
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.head.world
    }

    /// The bytes it takes in the host's memory and on disk.
    pub fn kept_bytes(&self) -> (usize, usize) {
        let (memory, disk) = self.difference.bytes();
        (size_of_val(&self.head.pages[..]) + self.head.world.bytes() + memory, disk)
    }

    /// Writes the changed pages to `memory`, which must hold the pristine state and be at least
    /// [`Snapshot::memory_bytes`] long. It yields every few milliseconds.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the stored difference cannot be read or is damaged.
    pub async fn write_to(&self, memory: &mut [u8], pristine: &[u8]) -> Result<(), Error> {
        let written = difference::unpack(&self.difference.read()?, memory, &self.head.pages, pristine).await;
        written.ok_or_else(|| Error::Snapshot("the stored snapshot is damaged".into()))
    }
}

/// A snapshot would hold more than it may.
pub struct TooLarge {
    /// The bytes of changed memory.
    pub bytes: usize,
}
