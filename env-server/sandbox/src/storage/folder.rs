//! A folder of snapshots, each in a file of its own that stays when the process ends.
//!
//! A file gets its name when it is whole, so a process that ends leaves no part of one under such a name. Once someone was
//! told a file's name, only [`Folder::remove`] and [`Folder::keep`] delete the file.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tempfile::Builder;
use uuid::Uuid;

use super::file::{self, Difference};
use crate::error::Error;
use crate::options::Snapshots;

/// How the names of whole files end.
const WHOLE: &str = ".snapshot";
/// How the names of files end that are being written.
const PARTIAL: &str = ".partial";
/// The digits that names begin with: a random number in hexadecimal.
const DIGITS: usize = 32;
/// What a file takes on disk is a multiple of this.
const BLOCK_BYTES: u64 = 4096;

/// A folder of snapshots. Clones are the same folder.
#[derive(Clone)]
pub struct Folder {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    /// The folder, if its files are to be on disk before they count as stored.
    sync: Option<File>,
    /// The bytes of all files.
    used: AtomicU64,
    max: u64,
}

/// A snapshot's file. A file that nobody knows of is deleted with this value.
pub struct Kept {
    folder: Folder,
    name: Arc<str>,
    difference: Difference,
    /// The size of the file.
    bytes: usize,
    /// Whether someone else knows its name.
    known: AtomicBool,
}

impl Folder {
    /// Makes a folder, or opens one with the files that are there, for at most `max` bytes.
    ///
    /// # Errors
    /// It cannot be made or read.
    pub fn new(options: &Snapshots, max: u64) -> io::Result<Folder> {
        let path = options.dir.clone();
        fs::create_dir_all(&path)?;
        let sync = options.sync.then(|| File::open(&path)).transpose()?;
        let mut used = 0;
        for name in names(&path)? {
            if is_whole(&name) {
                used += taken(fs::metadata(path.join(name))?.len());
            }
        }
        let used = AtomicU64::new(used);
        Ok(Folder { shared: Arc::new(Shared { path, sync, used, max }) })
    }

    /// Stores a snapshot in a new file; `None` if there is no room, or it cannot be written.
    pub fn store(&self, head: impl FnOnce() -> io::Result<Vec<u8>>, difference: &[u8]) -> Option<Kept> {
        let stored = head().and_then(|head| self.try_store(&head, difference));
        stored.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot store a hibernated interpreter on disk");
            None
        })
    }

    fn try_store(&self, head: &[u8], difference: &[u8]) -> io::Result<Option<Kept>> {
        let bytes = file::bytes(head.len(), difference.len());
        if !self.take(taken(bytes as u64)) {
            return Ok(None);
        }
        let written = self.write(head, difference).inspect_err(|_| self.give_back(taken(bytes as u64)));
        let (name, difference) = written?;
        let known = AtomicBool::new(false);
        Ok(Some(Kept { folder: self.clone(), name: name.into(), difference, bytes, known }))
    }

    /// Opens and checks the snapshot with a name. Returns its head, too.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it is not there, cannot be read or is damaged.
    pub fn open(&self, name: &Arc<str>) -> Result<(Vec<u8>, Kept), Error> {
        let path = self.path(name);
        if !is_whole(name) {
            return Err(file::unusable(&path, "no snapshot has such a name"));
        }
        let (head, difference) = file::open(&path)?;
        let bytes = file::bytes(head.len(), difference.bytes());
        let known = AtomicBool::new(true);
        Ok((head, Kept { folder: self.clone(), name: name.clone(), difference, bytes, known }))
    }

    /// Deletes the snapshot with a name, if it is there.
    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        let removed = if is_whole(name) {
            fs::metadata(&path)
                .and_then(|file| fs::remove_file(&path).map(|()| self.give_back(taken(file.len()))))
        } else {
            Err(io::Error::new(ErrorKind::InvalidInput, "no snapshot has such a name"))
        };
        if let Err(error) = removed
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "cannot delete a snapshot");
        }
    }

    /// Deletes all snapshots but the live ones, and what was not written to its end. Returns how many snapshots those were.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn keep(&self, is_live: impl Fn(&str) -> bool) -> io::Result<usize> {
        let mut removed = 0;
        for name in names(&self.shared.path)? {
            if is_whole(&name) && !is_live(&name) {
                self.remove(&name);
                removed += 1;
            } else if is_name(&name, PARTIAL) {
                fs::remove_file(self.path(&name))?;
            }
        }
        Ok(removed)
    }

    /// The file of a snapshot, whole.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        let path = self.path(name);
        if !is_whole(name) {
            return Err(file::unusable(&path, "no snapshot has such a name"));
        }
        fs::read(&path).map_err(|error| file::unusable(&path, error))
    }

    /// Adds a snapshot whose file comes from another folder; its name, or `None` if there is no room.
    pub fn add(&self, file: &[u8]) -> Result<Option<Arc<str>>, Error> {
        let (head, difference) = file::parts(file).map_err(|why| file::unusable(&self.shared.path, why))?;
        Ok(self.store(|| Ok(head), difference).map(|kept| kept.name()))
    }

    /// The bytes that all files take, and the most that they may.
    pub fn usage(&self) -> (u64, u64) {
        (self.shared.used.load(Ordering::Relaxed), self.shared.max)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shared.path.join(name)
    }

    fn write(&self, head: &[u8], difference: &[u8]) -> io::Result<(String, Difference)> {
        let folder = &self.shared.path;
        let number = Uuid::new_v4().simple().to_string();
        let mut partial = Builder::new().prefix(&number).suffix(PARTIAL).rand_bytes(0).tempfile_in(folder)?;
        let written = file::write(&mut partial, head, difference)?;
        if self.shared.sync.is_some() {
            partial.as_file().sync_data()?;
        }
        let name = number + WHOLE;
        let path = folder.join(&name);
        kill_points::pass("snapshot.before_rename");
        partial.persist_noclobber(&path)?;
        kill_points::pass("snapshot.after_rename");
        if let Some(folder) = &self.shared.sync {
            folder.sync_all().inspect_err(|_| drop(fs::remove_file(&path)))?;
        }
        Ok((name, written))
    }

    /// Takes room. Returns whether there was enough.
    fn take(&self, bytes: u64) -> bool {
        let max = self.shared.max;
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= max);
        self.shared.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self.shared.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Kept {
    /// The file's name. Whoever asks for it decides from then on when the file is deleted.
    pub fn name(&self) -> Arc<str> {
        self.known.store(true, Ordering::Relaxed);
        self.name.clone()
    }

    /// The size of the file.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads the difference.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it cannot be read, or has changed since it was written or opened.
    pub fn read_difference(&self) -> Result<Vec<u8>, Error> {
        self.difference.read(&self.path())
    }

    /// The error for contents of the file that make no sense.
    pub fn unusable(&self, why: &'static str) -> Error {
        file::unusable(&self.path(), why)
    }

    fn path(&self) -> PathBuf {
        self.folder.path(&self.name)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !*self.known.get_mut() {
            self.folder.remove(&self.name);
        }
    }
}

/// What a file of a size takes on disk.
fn taken(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES)
}

/// The names of all files in a folder that are text; those of snapshots are.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// Whether a name is one of a whole snapshot, and so leads to no other folder.
fn is_whole(name: &str) -> bool {
    is_name(name, WHOLE)
}

fn is_name(name: &str, suffix: &str) -> bool {
    let digits = name.strip_suffix(suffix).map(str::as_bytes).unwrap_or_default();
    digits.len() == DIGITS && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folder(max_blocks: u64) -> (TempDir, Folder) {
        let directory = tempfile::tempdir().unwrap();
        let folder = open(directory.path(), max_blocks);
        (directory, folder)
    }

    fn store(folder: &Folder, head: &[u8], difference: &[u8]) -> Option<Kept> {
        folder.store(|| Ok(head.to_vec()), difference)
    }

    fn open(path: &Path, max_blocks: u64) -> Folder {
        let snapshots = Snapshots { dir: path.to_owned(), sync: true };
        Folder::new(&snapshots, max_blocks * BLOCK_BYTES).unwrap()
    }

    fn count(directory: &TempDir) -> usize {
        fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn a_file_stays_once_its_name_is_known_and_is_read_by_the_next_process() {
        let (directory, folder) = folder(10);
        let unknown = store(&folder, b"a", b"b").unwrap();
        let known = store(&folder, b"head", &[7; 5000]).unwrap();
        let name = known.name();
        assert_eq!((folder.usage().0, count(&directory)), (3 * BLOCK_BYTES, 2));
        drop((unknown, known, folder));
        assert_eq!(count(&directory), 1);

        let folder = open(directory.path(), 10);
        assert_eq!(folder.usage().0, 2 * BLOCK_BYTES);
        let (head, again) = folder.open(&name).unwrap();
        assert_eq!((&head[..], again.read_difference().unwrap()), (&b"head"[..], vec![7; 5000]));
        drop(again);
        folder.remove(&name);
        folder.remove(&name);
        assert_eq!((folder.usage().0, count(&directory)), (0, 0));
        let error = folder.open(&name).map(drop).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(&*name), "{cause}");
    }

    #[test]
    fn what_does_not_fit_is_not_stored() {
        let (directory, folder) = folder(3);
        let first = store(&folder, b"", &[1; 5000]).unwrap();
        assert!(store(&folder, b"", &[2; 5000]).is_none());
        let _second = store(&folder, b"", &[3; 4000]).unwrap();
        drop(first);
        assert!(store(&folder, b"", &[4; 5000]).is_some());
        assert_eq!(count(&directory), 1, "those that nobody knows of are deleted");
    }

    #[test]
    fn what_cannot_be_written_is_not_stored() {
        let (directory, folder) = folder(10);
        fs::remove_dir(directory.path()).unwrap();
        assert!(store(&folder, b"", b"").is_none());
        assert_eq!(folder.usage().0, 0);
    }

    #[test]
    fn only_live_snapshots_and_the_files_of_others_are_kept() {
        let (directory, folder) = folder(10);
        let names: Vec<_> = (0..3).map(|_| store(&folder, b"", b"").unwrap().name()).collect();
        let partial = names[0].replace(WHOLE, PARTIAL);
        for name in [partial.as_str(), "notes.snapshot", "other.partial", "x"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(folder.keep(|name| *name == *names[1]).unwrap(), 2);
        assert_eq!(folder.usage().0, BLOCK_BYTES);
        let mut left = super::names(directory.path()).unwrap();
        left.sort();
        let mut expected = [&*names[1], "notes.snapshot", "other.partial", "x"];
        expected.sort_unstable();
        assert_eq!(left, expected);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (directory, outer) = folder(10);
        let name = store(&outer, b"", b"").unwrap().name();
        let inner = open(&directory.path().join("inner"), 10);
        for name in
            [format!("../{name}"), format!("./{name}"), "..".into(), String::new(), "/etc/passwd".into()]
        {
            assert!(matches!(inner.open(&name.as_str().into()), Err(Error::Snapshot(_))), "{name}");
            inner.remove(&name);
        }
        assert!(outer.open(&name).is_ok());
    }
}
