//! Where packed interpreters lie: on disk as long as there is room, else in memory.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::error::Error;

/// A folder with a limit. Clones share it.
#[derive(Clone)]
pub struct Attic {
    shared: Arc<Shared>,
}

struct Shared {
    /// None: all is kept in memory.
    folder: Option<TempDir>,
    bytes_left: AtomicU64,
    next: AtomicU64,
}

/// Bytes that are kept.
pub enum Kept {
    InMemory(Vec<u8>),
    OnDisk(KeptFile),
}

/// A file of the attic's; it goes when this does.
pub struct KeptFile {
    path: PathBuf,
    bytes: usize,
    attic: Attic,
}

impl Attic {
    /// An attic of so many bytes in a folder of its own, which is made in `parent` and goes with the attic;
    /// without a parent, all is kept in memory.
    pub fn new(parent: Option<&Path>, bytes: u64) -> io::Result<Attic> {
        let make = |parent| {
            fs::create_dir_all(parent)?;
            // Private to this user: what lies there is what agents' programs hold.
            tempfile::Builder::new().prefix("runtime-gym-").tempdir_in(parent)
        };
        let folder = parent.map(make).transpose()?;
        let shared = Shared { folder, bytes_left: AtomicU64::new(bytes), next: AtomicU64::new(0) };
        Ok(Attic { shared: Arc::new(shared) })
    }

    /// Keeps bytes: on disk if there is a folder with room, and it takes them.
    pub fn keep(&self, bytes: Vec<u8>) -> Kept {
        match self.write(&bytes) {
            Some(file) => Kept::OnDisk(file),
            None => Kept::InMemory(bytes),
        }
    }

    fn write(&self, bytes: &[u8]) -> Option<KeptFile> {
        let folder = self.shared.folder.as_ref()?;
        let left = &self.shared.bytes_left;
        let length = bytes.len() as u64;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length)).ok()?;
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        // A folder with very many files is slow to work with.
        let path = folder.path().join(format!("{:03}", number % 1000)).join(number.to_string());
        let file = KeptFile { path, bytes: bytes.len(), attic: self.clone() };
        let written =
            file.path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file.path, bytes));
        match written {
            Ok(()) => Some(file),
            Err(error) => {
                tracing::warn!(path = %file.path.display(), %error, "cannot keep a sleeping interpreter on disk");
                None
            }
        }
    }
}

impl KeptFile {
    /// How long it is.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        self.attic.shared.bytes_left.fetch_add(self.bytes as u64, Ordering::Relaxed);
    }
}

impl Kept {
    /// What was given.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Kept::InMemory(bytes) => Ok(Cow::Borrowed(bytes)),
            Kept::OnDisk(file) => {
                fs::read(&file.path).map(Cow::Owned).map_err(|error| Error::Snapshot(error.into()))
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

    fn files(folder: &Path) -> usize {
        let in_folder = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let numbered = in_folder(folder.to_owned()).flat_map(in_folder);
        numbered.flat_map(in_folder).count()
    }

    #[test]
    fn what_there_is_no_room_for_stays_in_memory_and_room_comes_back() {
        let parent = tempfile::tempdir().unwrap();
        let attic = Attic::new(Some(parent.path()), 10).unwrap();
        let first = attic.keep(vec![1; 6]);
        let second = attic.keep(vec![2; 6]);
        assert!(on_disk(&first) && !on_disk(&second));
        assert_eq!((&first.bytes().unwrap()[..], &second.bytes().unwrap()[..]), (&[1; 6][..], &[2; 6][..]));
        assert_eq!(files(parent.path()), 1);
        drop(first);
        assert_eq!(files(parent.path()), 0);
        let third = attic.keep(vec![3; 10]);
        assert!(on_disk(&third));
        drop((attic, third));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0, "the folder goes with the last of them");
    }

    #[test]
    fn a_file_that_is_gone_is_an_error_and_no_panic() {
        let parent = tempfile::tempdir().unwrap();
        let attic = Attic::new(Some(parent.path()), 10).unwrap();
        let kept = attic.keep(vec![1; 6]);
        fs::remove_dir_all(parent.path()).unwrap();
        assert!(matches!(kept.bytes(), Err(Error::Snapshot(_))));
    }
}
