//! A file with a size limit, for bytes that need not outlive the process.
//!
//! It has no name, so the kernel deletes it when the process ends, however it ends. It is divided into blocks; what is
//! stored occupies any blocks that are free.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const BLOCK_BYTES: usize = 4096;

/// A file without a name. Clones share one file.
#[derive(Clone)]
pub struct Spill {
    shared: Arc<Shared>,
}

struct Shared {
    /// `None`: nothing is stored.
    file: Option<File>,
    blocks: Mutex<FreeBlocks>,
}

/// The free blocks of the file.
struct FreeBlocks {
    /// Blocks that were released.
    released: Vec<u32>,
    /// The first block that was never used. All blocks from here to `max` are free.
    unused: u32,
    /// The number of blocks that the file may have.
    max: u32,
}

/// Bytes in blocks of the file. Dropping it frees the blocks.
pub struct Extent {
    bytes: usize,
    blocks: Vec<u32>,
    spill: Spill,
}

impl Spill {
    /// Makes a file of at most `bytes` bytes in a directory. Without a directory, nothing is stored.
    ///
    /// # Errors
    /// The directory or the file cannot be made.
    pub fn new(directory: Option<&Path>, bytes: u64) -> io::Result<Spill> {
        let make = |directory| {
            fs::create_dir_all(directory)?;
            tempfile::tempfile_in(directory)
        };
        let file = directory.map(make).transpose()?;
        let max = u32::try_from(bytes / BLOCK_BYTES as u64).unwrap_or(u32::MAX);
        let blocks = Mutex::new(FreeBlocks { released: Vec::new(), unused: 0, max });
        Ok(Spill { shared: Arc::new(Shared { file, blocks }) })
    }

    /// Stores bytes; `None` if the file has no room or the write fails.
    pub fn store(&self, bytes: &[u8]) -> Option<Extent> {
        let file = self.shared.file.as_ref()?;
        let blocks = self.blocks().take(bytes.len().div_ceil(BLOCK_BYTES))?;
        let extent = Extent { bytes: bytes.len(), blocks, spill: self.clone() };
        let mut rest = bytes;
        for (offset, length) in extent.runs() {
            let (run, more) = rest.split_at(length);
            rest = more;
            if let Err(error) = file.write_all_at(run, offset) {
                tracing::warn!(%error, "cannot store a hibernated interpreter on disk");
                return None;
            }
        }
        Some(extent)
    }

    /// The bytes of the file that are in use, and the most that may be; both 0 without a file.
    pub fn usage(&self) -> (u64, u64) {
        if self.shared.file.is_none() {
            return (0, 0);
        }
        let blocks = self.blocks();
        let used = u64::from(blocks.unused) - blocks.released.len() as u64;
        (used * BLOCK_BYTES as u64, u64::from(blocks.max) * BLOCK_BYTES as u64)
    }

    fn blocks(&self) -> MutexGuard<'_, FreeBlocks> {
        self.shared.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FreeBlocks {
    /// Takes `count` blocks; `None` if fewer are free.
    fn take(&mut self, count: usize) -> Option<Vec<u32>> {
        if count > self.released.len() + (self.max - self.unused) as usize {
            return None;
        }
        let mut taken = self.released.split_off(self.released.len().saturating_sub(count));
        while taken.len() < count {
            taken.push(self.unused);
            self.unused += 1;
        }
        Some(taken)
    }
}

impl Extent {
    /// The number of stored bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads the stored bytes.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let file = self.spill.shared.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; self.bytes];
        let mut rest = &mut bytes[..];
        for (offset, length) in self.runs() {
            let (run, more) = rest.split_at_mut(length);
            rest = more;
            file.read_exact_at(run, offset)?;
        }
        Ok(bytes)
    }

    /// The runs of adjacent blocks: the offset of each in the file, and the number of bytes used of it.
    fn runs(&self) -> impl Iterator<Item = (u64, usize)> {
        let mut left = self.bytes;
        self.blocks.chunk_by(|block, next| block + 1 == *next).map(move |run| {
            let length = left.min(run.len() * BLOCK_BYTES);
            left -= length;
            (u64::from(run[0]) * BLOCK_BYTES as u64, length)
        })
    }
}

impl Drop for Extent {
    fn drop(&mut self) {
        self.spill.blocks().released.append(&mut self.blocks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_stored_and_freed_blocks_are_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let spill = Spill::new(Some(directory.path()), 10 * BLOCK_BYTES as u64).unwrap();
        let of = |byte, blocks: usize| vec![byte; blocks * BLOCK_BYTES - 7];
        let first = spill.store(&of(1, 6)).unwrap();
        assert!(spill.store(&of(2, 5)).is_none());
        let third = spill.store(&of(3, 4)).unwrap();
        let usage = |blocks: u64| (blocks * BLOCK_BYTES as u64, 10 * BLOCK_BYTES as u64);
        assert_eq!(spill.usage(), usage(10));
        drop(first);
        assert_eq!(spill.usage(), usage(4));
        let (fourth, fifth) = (spill.store(&of(4, 2)).unwrap(), spill.store(&of(5, 4)).unwrap());
        for (stored, bytes) in [(&third, of(3, 4)), (&fourth, of(4, 2)), (&fifth, of(5, 4))] {
            assert!(stored.read().unwrap() == bytes);
        }
        assert!(spill.store(&[6]).is_none() && spill.store(&[]).is_some());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn a_truncated_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let spill = Spill::new(Some(directory.path()), 1 << 20).unwrap();
        let stored = spill.store(&[1; 6]).unwrap();
        spill.shared.file.as_ref().unwrap().set_len(3).unwrap();
        assert!(stored.read().is_err());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_at_once() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(Spill::new(Some(&file.path().join("below")), 1).is_err());
        let spill = Spill::new(None, 1 << 20).unwrap();
        assert!(spill.store(&[1; 6]).is_none());
        assert_eq!(spill.usage(), (0, 0));
    }
}
