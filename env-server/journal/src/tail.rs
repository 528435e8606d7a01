//! How long the log is, in a file of its own. Damage at the log's very end looks like a write that was interrupted,
//! and a log that was deleted looks like one that never was; by this file they are told apart.
//!
//! It is written after each commit and never synchronised: it holds for a process that was killed, and says nothing
//! after the end of the kernel.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::error::OpenError;

/// The length of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Frames up to its last commit.
    pub frames: u32,
    /// The two numbers that tell the log from those before it in the same file.
    pub salts: [u32; 2],
}

const BYTES: usize = 16;
/// Where the header of a log has its salts.
const SALTS: u64 = 16;

impl Tail {
    /// The length that was noted; `None` if there is no log that matters.
    pub fn read(path: &Path) -> Result<Option<Self>, OpenError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) if bytes.is_empty() => return Ok(None),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::file(path)(error)),
        };
        let damaged =
            || OpenError::Damaged { path: path.to_owned(), problem: "its checksum is wrong".to_owned() };
        let bytes: [u8; BYTES] = bytes.try_into().map_err(|_| damaged())?;
        if bytes == [0; BYTES] {
            return Ok(None);
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if crc32c::crc32c(&bytes[..12]) != word(12) {
            return Err(damaged());
        }
        Ok(Some(Self { frames: word(0), salts: [word(4), word(8)] }))
    }

    /// Notes the length of a log after a commit.
    pub fn write(file: &File, log: &File, frames: u32) -> io::Result<()> {
        let mut salts = [0; 8];
        log.read_exact_at(&mut salts, SALTS)?;
        let mut bytes = [0; BYTES];
        bytes[..4].copy_from_slice(&frames.to_le_bytes());
        // Words of a log are big-endian.
        for (to, from) in bytes[4..12].chunks_exact_mut(4).zip(salts.chunks_exact(4)) {
            to.copy_from_slice(from);
            to.reverse();
        }
        let checksum = crc32c::crc32c(&bytes[..12]);
        bytes[12..].copy_from_slice(&checksum.to_le_bytes());
        file.write_all_at(&bytes, 0)
    }

    /// Notes that nothing is expected of the log. The file keeps its size, so that a full disk has room for the next.
    pub fn clear(file: &File) -> io::Result<()> {
        file.write_all_at(&[0; BYTES], 0)
    }
}
