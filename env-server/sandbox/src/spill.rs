//! Where packed interpreters lie: on disk as long as there is room, else in memory.
//!
//! On disk they share one file, which has no name: it goes with the process, however that ends. The file is made of
//! blocks, and what is kept lies in any blocks that are free.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Error;

const BLOCK_BYTES: usize = 4096;

/// A file with a limit. Clones share it.
#[derive(Clone)]
pub struct Spill {
    shared: Arc<Shared>,
}

struct Shared {
    /// None: all is kept in memory.
    file: Option<File>,
    blocks: Mutex<Blocks>,
}

/// Which blocks of the file are used.
struct Blocks {
    /// Those that were used before.
    free: Vec<u32>,
    /// From here on none was.
    unused: u32,
    most: u32,
}

/// Bytes that are kept.
pub enum Kept {
    InMemory(Vec<u8>),
    OnDisk(Stored),
}

/// Bytes that lie in blocks of the spill's file, which are free again when this goes.
pub struct Stored {
    bytes: usize,
    blocks: Vec<u32>,
    spill: Spill,
}

impl Spill {
    /// An spill of so many bytes in a folder; without a folder, all is kept in memory.
    pub fn new(folder: Option<&Path>, bytes: u64) -> io::Result<Spill> {
        let make = |folder| {
            fs::create_dir_all(folder)?;
            tempfile::tempfile_in(folder)
        };
        let file = folder.map(make).transpose()?;
        let most = u32::try_from(bytes / BLOCK_BYTES as u64).unwrap_or(u32::MAX);
        let blocks = Mutex::new(Blocks { free: Vec::new(), unused: 0, most });
        Ok(Spill { shared: Arc::new(Shared { file, blocks }) })
    }

    /// Keeps bytes: on disk if there is a file with room, and it takes them.
    pub fn keep(&self, bytes: Vec<u8>) -> Kept {
        match self.store(&bytes) {
            Some(stored) => Kept::OnDisk(stored),
            None => Kept::InMemory(bytes),
        }
    }

    fn store(&self, bytes: &[u8]) -> Option<Stored> {
        let file = self.shared.file.as_ref()?;
        let blocks = self.blocks().take(bytes.len().div_ceil(BLOCK_BYTES))?;
        let stored = Stored { bytes: bytes.len(), blocks, spill: self.clone() };
        let mut rest = bytes;
        for (place, length) in stored.runs() {
            let (run, more) = rest.split_at(length);
            rest = more;
            if let Err(error) = file.write_all_at(run, place) {
                tracing::warn!(%error, "cannot keep a sleeping interpreter on disk");
                return None;
            }
        }
        Some(stored)
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.shared.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocks {
    /// So many blocks, if there are.
    fn take(&mut self, count: usize) -> Option<Vec<u32>> {
        if count > self.free.len() + (self.most - self.unused) as usize {
            return None;
        }
        let mut taken = self.free.split_off(self.free.len().saturating_sub(count));
        while taken.len() < count {
            taken.push(self.unused);
            self.unused += 1;
        }
        Some(taken)
    }
}

impl Stored {
    /// How many bytes there are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let file = self.spill.shared.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; self.bytes];
        let mut rest = &mut bytes[..];
        for (place, length) in self.runs() {
            let (run, more) = rest.split_at_mut(length);
            rest = more;
            file.read_exact_at(run, place)?;
        }
        Ok(bytes)
    }

    /// The parts of the file that blocks side by side make: where each begins, and how much of it is used.
    fn runs(&self) -> impl Iterator<Item = (u64, usize)> {
        let mut left = self.bytes;
        self.blocks.chunk_by(|block, next| block + 1 == *next).map(move |run| {
            let length = left.min(run.len() * BLOCK_BYTES);
            left -= length;
            (u64::from(run[0]) * BLOCK_BYTES as u64, length)
        })
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.spill.blocks().free.append(&mut self.blocks);
    }
}

impl Kept {
    /// What was given.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Kept::InMemory(bytes) => Ok(Cow::Borrowed(bytes)),
            Kept::OnDisk(stored) => {
                stored.read().map(Cow::Owned).map_err(|error| Error::Snapshot(error.into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_disk(kept: &Kept) -> bool {
        matches!(kept, Kept::OnDisk(_))
    }

    #[test]
    fn what_there_is_no_room_for_stays_in_memory_and_room_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Some(folder.path()), 10 * BLOCK_BYTES as u64).unwrap();
        let of = |byte, blocks: usize| vec![byte; blocks * BLOCK_BYTES - 7];
        let (first, second, third) = (spill.keep(of(1, 6)), spill.keep(of(2, 5)), spill.keep(of(3, 4)));
        assert_eq!([&first, &second, &third].map(on_disk), [true, false, true]);
        drop(first);
        let (fourth, fifth) = (spill.keep(of(4, 2)), spill.keep(of(5, 4)));
        for (kept, bytes) in
            [(&second, of(2, 5)), (&third, of(3, 4)), (&fourth, of(4, 2)), (&fifth, of(5, 4))]
        {
            assert!(kept.bytes().unwrap() == bytes);
        }
        assert!(on_disk(&fourth) && on_disk(&fifth) && !on_disk(&spill.keep(vec![6])));
        assert!(on_disk(&spill.keep(Vec::new())));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "there is no name to find it by");
    }

    #[test]
    fn what_cannot_be_read_back_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(Some(folder.path()), 1 << 20).unwrap();
        let kept = spill.keep(vec![1; 6]);
        spill.shared.file.as_ref().unwrap().set_len(3).unwrap();
        assert!(matches!(kept.bytes(), Err(Error::Snapshot(_))));
    }

    #[test]
    fn a_folder_that_cannot_be_is_an_error_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Spill::new(Some(&file.path().join("below")), 1).is_err());
        let spill = Spill::new(None, 1 << 20).unwrap();
        assert!(!on_disk(&spill.keep(vec![1; 6])));
    }
}
