//! A `.tar.gz` of results, read in memory: nothing is ever written to disk, so
//! an entry's path can do no harm.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;

use crate::unreadable::Unreadable;

/// A larger JSON file is no result: they are about a kilobyte.
const LARGEST_RESULT: u64 = 1 << 24;

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or may not be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It ends too early.
    #[error("{path}: the archive is cut short; copy or make it again")]
    Truncated {
        /// Which.
        path: PathBuf,
    },
    /// It is something else, or damaged.
    #[error("{path}: not a gzip-compressed tar archive, or damaged ({source}); give a .tar.gz or a folder")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// A JSON file in it is too large to be a result.
    #[error("{path}: its entry {entry} has {size} bytes; a result has at most {LARGEST_RESULT}")]
    EntryTooLarge {
        /// Which archive.
        path: PathBuf,
        /// Which file in it.
        entry: PathBuf,
        /// Its size.
        size: u64,
    },
}

/// The JSON files of an archive by path. Of traces only the path is kept (their
/// content is empty): who compares scores does not need them.
///
/// # Errors
/// See [`Error`].
pub fn read_json_files(path: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, Error> {
    let file = File::open(path).map_err(Unreadable::at(path))?;
    let broken = |source: io::Error| match source.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated { path: path.to_owned() },
        _ => Error::Damaged { path: path.to_owned(), source },
    };
    let mut archive = tar::Archive::new(MultiGzDecoder::new(io::BufReader::new(file)));
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        let text = name.to_string_lossy();
        if !entry.header().entry_type().is_file() || !text.ends_with(".json") {
            continue;
        }
        let mut content = Vec::new();
        if !text.ends_with(".trace.json") {
            let size = entry.size();
            if size > LARGEST_RESULT {
                return Err(Error::EntryTooLarge { path: path.to_owned(), entry: name, size });
            }
            let read = entry.read_to_end(&mut content).map_err(broken)?;
            if (read as u64) < size {
                return Err(Error::Truncated { path: path.to_owned() });
            }
        }
        files.insert(name, content);
    }
    // The checksum comes last: a file that is damaged behind its last entry is damaged too.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(files)
}
