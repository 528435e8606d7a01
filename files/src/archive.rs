//! The JSON files in a `.tar.gz`, read in memory: nothing is ever written to disk, so an entry's path can do no harm.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

/// The largest JSON file that is read, in bytes. Traces, the largest files of a run, take some megabytes at most.
const LARGEST_ENTRY: u64 = 1 << 28;

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, or may not be read.
    #[error(transparent)]
    File(#[from] crate::Error),
    /// It ends too early.
    #[error("{path}: the archive is cut short; copy or make it again")]
    Truncated {
        /// The archive.
        path: PathBuf,
    },
    /// It is something else, or damaged.
    #[error("{path}: not a gzip-compressed tar archive, or damaged ({source}); give a .tar.gz or a folder")]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// A JSON file in it is too large.
    #[error("{path}: its entry {entry} has {size} bytes; a JSON file may have at most {LARGEST_ENTRY}")]
    EntryTooLarge {
        /// The archive.
        path: PathBuf,
        /// The file in it.
        entry: PathBuf,
        /// Its size.
        size: u64,
    },
}

/// The JSON files of an archive by path. The content of those that are not `wanted` is left empty. Hidden files do
/// not count: macOS puts one beside each file.
///
/// # Errors
/// See [`Error`].
pub fn read_json_files(
    path: &Path,
    wanted: impl Fn(&Path) -> bool,
) -> Result<BTreeMap<PathBuf, Vec<u8>>, Error> {
    let file = File::open(path).map_err(crate::Error::reading(path))?;
    let broken = |source: io::Error| match source.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated { path: path.to_owned() },
        _ => Error::Damaged { path: path.to_owned(), source },
    };
    let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::new(file)));
    let mut files = BTreeMap::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        if !entry.header().entry_type().is_file() || !is_json(&name) {
            continue;
        }
        let mut content = Vec::new();
        if wanted(&name) {
            let size = entry.size();
            if size > LARGEST_ENTRY {
                return Err(Error::EntryTooLarge { path: path.to_owned(), entry: name, size });
            }
            let read = entry.read_to_end(&mut content).map_err(broken)?;
            if (read as u64) < size {
                return Err(Error::Truncated { path: path.to_owned() });
            }
        }
        files.insert(name, content);
    }
    // The checksum comes last: a file that is damaged after its last entry is damaged too.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(broken)?;
    Ok(files)
}

/// Whether a file's name is that of a JSON file which is not hidden.
pub fn is_json(name: &Path) -> bool {
    let name = name.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.ends_with(".json") && !name.starts_with('.')
}
