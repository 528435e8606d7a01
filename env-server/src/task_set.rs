//! A task set, loaded for serving.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use proto::task::{Manifest, TaskFile};
use serde_json::Value;

use crate::family;

/// Tasks that can all be played, by id.
#[derive(Clone, Debug)]
pub struct TaskSet {
    name: String,
    /// By id.
    tasks: BTreeMap<String, Arc<TaskFile>>,
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
    /// Task files that cannot be played, with their first ten problems.
    #[error("{} holds files that are no tasks:\n{}", root.display(), problems.join("\n"))]
    Malformed {
        /// The set's folder.
        root: PathBuf,
        /// Each names its file and key.
        problems: Vec<String>,
    },
}

/// The most problems that are reported; loading stops there.
const MAX_PROBLEMS: usize = 10;

impl TaskSet {
    /// Loads the set below `root`, and opens each of its tasks once, so that a
    /// malformed one is found now rather than when it is played.
    ///
    /// # Errors
    /// [`Error`], naming files and keys.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let mut tasks = BTreeMap::new();
        let mut problems = Vec::new();
        for path in task_paths(root)? {
            match load_task(&path) {
                Ok(task) => {
                    let task_id = task.task_id.clone();
                    if tasks.insert(task_id, Arc::new(task)).is_some() {
                        problems.push(format!("{}: task_id: another file has it, too", path.display()));
                    }
                }
                Err(found) => problems.extend(found),
            }
            if problems.len() >= MAX_PROBLEMS {
                break;
            }
        }
        if !problems.is_empty() {
            problems.truncate(MAX_PROBLEMS);
            return Err(Error::Malformed { root: root.to_owned(), problems });
        }
        if tasks.is_empty() {
            return Err(Error::Empty { root: root.to_owned() });
        }
        Ok(Self { name: name(root)?, tasks })
    }

    /// The manifest's `run_name`, or the folder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of tasks; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a set without tasks does not load")]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The task of this id.
    pub fn get(&self, task_id: &str) -> Option<&Arc<TaskFile>> {
        self.tasks.get(task_id)
    }

    /// The tasks of a family (of all, if none is given), in the order of their ids.
    pub fn tasks(&self, family: Option<&str>) -> impl Iterator<Item = &Arc<TaskFile>> {
        self.tasks.values().filter(move |task| family.is_none_or(|family| task.family == family))
    }

    /// The families that the set has tasks of, sorted.
    pub fn families(&self) -> Vec<&str> {
        let mut families: Vec<&str> = self.tasks.values().map(|task| task.family.as_str()).collect();
        families.sort_unstable();
        families.dedup();
        families
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

/// The task of a file, or its problems.
fn load_task(path: &Path) -> Result<TaskFile, Vec<String>> {
    let value: Value = files::read_json(path).map_err(|error| vec![error.to_string()])?;
    let task = family::parse(&value).and_then(|task| family::open(&task).map(|_| task));
    let task = task.map_err(|family::Error::Malformed(problems)| {
        problems.0.iter().map(|problem| format!("{}: {problem}", path.display())).collect::<Vec<_>>()
    })?;
    // Tasks are named by id: a file with another name could hide a task or be hidden.
    if path.file_stem().is_none_or(|stem| *stem != *task.task_id) {
        return Err(vec![format!(
            "{}: task_id: is {}, unlike the file's name",
            path.display(),
            task.task_id
        )]);
    }
    if path.parent().and_then(Path::file_name).is_none_or(|folder| *folder != *task.family) {
        return Err(vec![format!(
            "{}: family: is {}, unlike the folder's name",
            path.display(),
            task.family
        )]);
    }
    Ok(task)
}
