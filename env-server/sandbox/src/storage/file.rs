//! The file of a snapshot.
//!
//! Numbers are little-endian.
//!
//! | bytes      | what they hold                                                              |
//! |------------|-----------------------------------------------------------------------------|
//! | 8          | [`MAGIC`]                                                                   |
//! | 4          | [`VERSION`]                                                                 |
//! | 4          | the CRC-32C of everything after it                                          |
//! | 8          | the length of the head                                                      |
//! | the length | the head: everything but the memory                                         |
//! | the rest   | the difference between the memory and the pristine one                      |

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crc32c::{crc32c, crc32c_append, crc32c_combine};

use crate::error::{Error, Source};

/// What every file begins with.
const MAGIC: [u8; 8] = *b"GYM-SNAP";
/// The version of the format, that of the head included: it changes whenever [`crate::world::World`] does.
const VERSION: u32 = 1;
/// The bytes of magic, version and checksum.
const PREFIX_BYTES: usize = 16;
/// The bytes before the head.
const HEADER_BYTES: usize = PREFIX_BYTES + 8;

/// Where a file holds its difference.
#[derive(Debug)]
pub struct Difference {
    offset: u64,
    bytes: usize,
    crc: u32,
}

/// A snapshot's file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot {}", path.display())]
struct Unusable {
    path: PathBuf,
    source: Source,
}

/// The error for a snapshot's file that cannot be used.
pub fn unusable(path: &Path, why: impl Into<Source>) -> Error {
    Error::Snapshot(Box::new(Unusable { path: path.to_owned(), source: why.into() }))
}

/// The bytes of a file with a head and a difference of these sizes.
pub fn bytes(head: usize, difference: usize) -> usize {
    HEADER_BYTES + head + difference
}

/// Writes a whole file.
pub fn write(mut file: impl Write, head: &[u8], difference: &[u8]) -> io::Result<Difference> {
    let head_bytes = (head.len() as u64).to_le_bytes();
    let crc = crc32c(difference);
    let all = crc32c_combine(crc32c_append(crc32c(&head_bytes), head), crc, difference.len());
    let mut start = Vec::with_capacity(HEADER_BYTES);
    start.extend_from_slice(&MAGIC);
    start.extend_from_slice(&VERSION.to_le_bytes());
    start.extend_from_slice(&all.to_le_bytes());
    start.extend_from_slice(&head_bytes);
    file.write_all(&start)?;
    file.write_all(head)?;
    file.write_all(difference)?;
    Ok(Difference { offset: (HEADER_BYTES + head.len()) as u64, bytes: difference.len(), crc })
}

/// Reads a whole file and checks it. Returns its head, and where its difference is.
///
/// # Errors
/// [`Error::Snapshot`] if it cannot be read, or is damaged or of another version.
pub fn open(path: &Path) -> Result<(Vec<u8>, Difference), Error> {
    let unusable = |why: Source| unusable(path, why);
    let file = File::open(path).map_err(|error| unusable(error.into()))?;
    let length = file.metadata().map_err(|error| unusable(error.into()))?.len();
    read(file, length).map_err(unusable)
}

fn read(mut file: impl Read, length: u64) -> Result<(Vec<u8>, Difference), Source> {
    let left = length.checked_sub(HEADER_BYTES as u64).ok_or("it is cut off")?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    let (version, all) = (number(&mut file)?, number(&mut file)?);
    let mut head_bytes = [0; 8];
    file.read_exact(&mut head_bytes)?;
    if magic != MAGIC {
        return Err("it is no snapshot".into());
    }
    if version != VERSION {
        return Err(
            format!("it has version {version} of the format; this program reads version {VERSION}").into()
        );
    }
    let bytes = left.checked_sub(u64::from_le_bytes(head_bytes)).ok_or("it is damaged")?;
    let mut head = vec![0; usize::try_from(left - bytes)?];
    file.read_exact(&mut head)?;
    let (crc, read) = checksum(file)?;
    let computed = crc32c_combine(crc32c_append(crc32c(&head_bytes), &head), crc, read);
    if read as u64 != bytes || computed != all {
        return Err("its checksum is wrong: it is damaged".into());
    }
    let offset = (HEADER_BYTES + head.len()) as u64;
    Ok((head, Difference { offset, bytes: read, crc }))
}

/// The head and the difference of a whole file.
pub fn parts(file: &[u8]) -> Result<(Vec<u8>, &[u8]), Source> {
    let (head, difference) = read(file, file.len() as u64)?;
    let rest = usize::try_from(difference.offset).ok().and_then(|offset| file.get(offset..));
    Ok((head, rest.ok_or("it is cut off")?))
}

fn number(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// The CRC-32C of the rest of a file, and its length. The file may be larger than what should be in memory at a time.
fn checksum(mut file: impl Read) -> io::Result<(u32, usize)> {
    const CHUNK_BYTES: usize = 256 << 10;
    let (mut crc, mut length, mut chunk) = (0, 0, vec![0; CHUNK_BYTES]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((crc, length)),
            read => {
                crc = crc32c_append(crc, &chunk[..read]);
                length += read;
            }
        }
    }
}

impl Difference {
    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads it from its file.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it cannot be read, or has changed since.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; self.bytes];
        let read = File::open(path).and_then(|file| file.read_exact_at(&mut bytes, self.offset));
        read.map_err(|error| unusable(path, error))?;
        if crc32c(&bytes) != self.crc {
            return Err(unusable(path, "its checksum is wrong: it is damaged"));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut file = Vec::new();
        write(&mut file, b"the head", b"the difference").unwrap();
        file
    }

    fn reread(file: &[u8]) -> Result<(Vec<u8>, Difference), Source> {
        read(file, file.len() as u64)
    }

    #[test]
    fn what_is_written_is_read() {
        let file = written();
        assert_eq!(file.len(), bytes(8, 14));
        let (head, difference) = reread(&file).unwrap();
        assert_eq!((&head[..], difference.bytes()), (&b"the head"[..], 14));
        assert_eq!(parts(&file).unwrap(), (b"the head".to_vec(), &b"the difference"[..]));
        assert_eq!(&file[difference.offset as usize..], b"the difference");
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let file = written();
        for (at, bit) in (0..file.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << bit;
            assert!(reread(&damaged).is_err(), "bit {bit} of byte {at}");
        }
        for length in 0..file.len() {
            assert!(reread(&file[..length]).is_err(), "{length} bytes");
        }
        assert!(reread(&[&file[..], b"x"].concat()).is_err());
    }

    #[test]
    fn a_head_longer_than_the_file_takes_no_memory() {
        let mut file = written();
        file[PREFIX_BYTES..HEADER_BYTES].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(reread(&file).unwrap_err().to_string(), "it is damaged");
    }

    #[test]
    fn a_file_that_changes_under_its_interpreter_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = written();
        std::fs::write(&path, &file).unwrap();
        let (_, difference) = open(&path).unwrap();
        assert_eq!(difference.read(&path).unwrap(), b"the difference");
        *file.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &file).unwrap();
        assert!(difference.read(&path).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(difference.read(&path).is_err());
    }
}
