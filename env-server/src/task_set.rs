//! A task set, checked and indexed for serving.
//!
//! | file   | what it holds                                                 |
//! |--------|---------------------------------------------------------------|
//! | `file` | one task file: read, checked, and read again when it is played |
//!
//! The tasks themselves stay in their files. In memory is what a listing needs, and a hash of each file.

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use files::digest;
use proto::task::{Manifest, TaskFile};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use file::Checked;

pub use file::Unreadable;

/// Tasks that can all be played, by id.
#[derive(Clone, Debug)]
pub struct TaskSet {
    name: String,
    root: PathBuf,
    /// In the order of their ids.
    entries: Vec<Entry>,
    /// For each family the positions of its tasks in `entries`, in order.
    families: BTreeMap<String, Vec<u32>>,
    refused: Refused,
}

/// What is kept of a task.
#[derive(Clone, Debug)]
struct Entry {
    task_id: Box<str>,
    family: Box<str>,
    /// SHA-256 of its file.
    file: [u8; 32],
    /// SHA-256 of its public data.
    public: [u8; 32],
}

/// A task of a set, as far as it is known without its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The task's id.
    pub task_id: &'a str,
    /// The task's family.
    pub family: &'a str,
    /// SHA-256 of the task's public data, in hexadecimal.
    pub public_sha256: String,
}

/// The files of a set's folder that are no tasks, and are not served.
#[derive(Clone, Debug, Default)]
pub struct Refused {
    /// How many there are.
    pub files: usize,
    /// The problems of the first ones, in the order of their paths. Each names its file and key.
    pub problems: Vec<String>,
}

/// Why a task set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder could not be read.
    #[error("reading {}: {source}", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest could not be read.
    #[error(transparent)]
    Manifest(#[from] files::Error),
    /// There is nothing to serve.
    #[error("{} holds no task file (tasks/<family>/<task_id>.json)", root.display())]
    Empty {
        /// The set's folder.
        root: PathBuf,
    },
    /// There are files, but no task that can be played.
    #[error("{} holds no task that can be played; {refused}", root.display())]
    Malformed {
        /// The set's folder.
        root: PathBuf,
        /// What is there instead.
        refused: Refused,
    },
}

/// The most problems that are reported.
const MAX_PROBLEMS: usize = 10;

impl TaskSet {
    /// Loads the set below `root`. Each of its tasks is opened once, on all processors, so that a malformed one is found now
    /// rather than when it is played. Files that are no tasks are left out: [`TaskSet::refused`] says which.
    ///
    /// # Errors
    /// [`Error`], naming files and keys.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let name = name(root)?;
        // In the order of the paths, so that it does not depend on the folder's order which of two is refused.
        let checked: Vec<_> = task_paths(root)?.into_par_iter().map(|path| file::check(&path)).collect();
        let mut refused = Refused::default();
        let mut entries = Vec::with_capacity(checked.len());
        for checked in checked {
            match checked {
                Ok(Checked { task_id, family, file, public }) => {
                    entries.push(Entry { task_id: task_id.into(), family: family.into(), file, public });
                }
                Err(problems) => refused.add(problems),
            }
        }
        entries.sort_by(|left, right| left.task_id.cmp(&right.task_id));
        entries.dedup_by(|entry, first| {
            let is_taken = entry.task_id == first.task_id;
            if is_taken {
                let path = file::path(root, &entry.family, &entry.task_id);
                refused.add(vec![format!("{}: task_id: another file has it, too", path.display())]);
            }
            is_taken
        });
        match (entries.is_empty(), refused.files) {
            (true, 0) => return Err(Error::Empty { root: root.to_owned() }),
            (true, _) => return Err(Error::Malformed { root: root.to_owned(), refused }),
            (false, _) => {}
        }
        let mut families = BTreeMap::<String, Vec<u32>>::new();
        for (position, entry) in (0..).zip(&entries) {
            match families.get_mut(&*entry.family) {
                Some(positions) => positions.push(position),
                None => drop(families.insert(entry.family.to_string(), vec![position])),
            }
        }
        Ok(Self { name, root: root.to_owned(), entries, families, refused })
    }

    /// The manifest's `run_name`, or the folder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that it was loaded from.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files that are not served.
    pub fn refused(&self) -> &Refused {
        &self.refused
    }

    /// Number of tasks; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a set without tasks does not load")]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Number of tasks of a family (of all, if none is given).
    pub fn count(&self, family: Option<&str>) -> usize {
        match family {
            None => self.entries.len(),
            Some(family) => self.families.get(family).map_or(0, Vec::len),
        }
    }

    /// The tasks of a family (of all, if none is given) from `start` on, `size` at most, in the order of their ids.
    pub fn page(&self, family: Option<&str>, start: usize, size: usize) -> Vec<Listed<'_>> {
        match family {
            None => self.entries.iter().skip(start).take(size).map(Entry::listed).collect(),
            Some(family) => {
                let positions = self.families.get(family).map_or(&[][..], Vec::as_slice).iter();
                let entries = positions.filter_map(|position| self.entries.get(*position as usize));
                entries.skip(start).take(size).map(Entry::listed).collect()
            }
        }
    }

    /// The families that the set has tasks of, sorted.
    pub fn families(&self) -> Vec<&str> {
        self.families.keys().map(String::as_str).collect()
    }

    /// The family of the task of this id; `None` if there is none.
    pub fn family_of(&self, task_id: &str) -> Option<&str> {
        self.entry(task_id).map(|entry| &*entry.family)
    }

    /// Reads the task of this id; `None` if there is none.
    ///
    /// # Errors
    /// The file is no longer what was loaded.
    pub fn read(&self, task_id: &str) -> Option<Result<TaskFile, Unreadable>> {
        let entry = self.entry(task_id)?;
        Some(file::read(&file::path(&self.root, &entry.family, &entry.task_id), &entry.file))
    }

    fn entry(&self, task_id: &str) -> Option<&Entry> {
        let found = self.entries.binary_search_by(|entry| (*entry.task_id).cmp(task_id)).ok()?;
        self.entries.get(found)
    }
}

impl Entry {
    fn listed(&self) -> Listed<'_> {
        Listed { task_id: &self.task_id, family: &self.family, public_sha256: digest::hex(&self.public) }
    }
}

impl Refused {
    /// Adds the problems of one file.
    fn add(&mut self, problems: Vec<String>) {
        self.files += 1;
        let room = MAX_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(problems.into_iter().take(room));
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = if self.files == 1 {
            "1 file is no task".to_owned()
        } else {
            format!("{} files are no tasks", self.files)
        };
        write!(formatter, "{files}:\n{}", self.problems.join("\n"))?;
        if self.problems.len() == MAX_PROBLEMS { write!(formatter, "\nand perhaps others") } else { Ok(()) }
    }
}

fn name(root: &Path) -> Result<String, Error> {
    let manifest = root.join("manifest.json");
    if manifest.exists() {
        return Ok(files::read_json::<Manifest>(&manifest)?.run_name);
    }
    // The canonical path, because `root` may be `.`.
    let folder = root.canonicalize().map_err(|source| Error::Folder { path: root.to_owned(), source })?;
    Ok(folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned())
}

/// Every `tasks/<family>/*.json`, sorted.
fn task_paths(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for family in entries(&root.join("tasks"))? {
        if family.is_dir() {
            let files = entries(&family)?;
            paths.extend(files.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "json")));
        }
    }
    paths.sort();
    Ok(paths)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = || -> io::Result<_> { fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect() };
    list().map_err(|source| Error::Folder { path: folder.to_owned(), source })
}
