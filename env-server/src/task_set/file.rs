//! One task file of a set.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use proto::task::TaskFile;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::family;

/// The largest file that is read, in bytes. The generator's are some kilobytes.
const LARGEST: u64 = 64 << 20;

/// The most problems of a file that are reported.
const MAX_PROBLEMS: usize = 10;

/// A file that holds a task which can be played.
pub struct Checked {
    pub task_id: String,
    pub family: String,
    /// SHA-256 of the file.
    pub file: [u8; 32],
    /// SHA-256 of the task's public data, as JSON.
    pub public: [u8; 32],
}

/// A task file that is no longer what was loaded.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error("reading {}: {source}", path.display())]
    Lost {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has another content.
    #[error("{} has changed since it was loaded", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
}

/// Where the file of a task is.
pub fn path(root: &Path, family: &str, task_id: &str) -> PathBuf {
    root.join("tasks").join(family).join(format!("{task_id}.json"))
}

/// Reads a file, and opens the task in it once.
///
/// # Errors
/// What is wrong. Each problem names file and key.
pub fn check(path: &Path) -> Result<Checked, Vec<String>> {
    let wrong = |problem: &dyn std::fmt::Display| vec![format!("{}: {problem}", path.display())];
    let text = load(path).map_err(|error| wrong(&error))?;
    let task = open(&text).map_err(|problems| {
        let problems = problems.into_iter().take(MAX_PROBLEMS);
        problems.map(|problem| format!("{}: {problem}", path.display())).collect::<Vec<_>>()
    })?;
    // Tasks are named by id: a file with another name could hide a task or be hidden.
    if path.file_stem().is_none_or(|stem| *stem != *task.task_id) {
        return Err(wrong(&format_args!("task_id: is {}, unlike the file's name", task.task_id)));
    }
    if path.parent().and_then(Path::file_name).is_none_or(|folder| *folder != *task.family) {
        return Err(wrong(&format_args!("family: is {}, unlike the folder's name", task.family)));
    }
    Ok(Checked {
        file: Sha256::digest(&text).into(),
        public: digest(&task.public).map_err(|error| wrong(&error))?,
        task_id: task.task_id,
        family: task.family,
    })
}

/// Reads the task of a file whose content has this SHA-256.
///
/// # Errors
/// It cannot be read, or has changed.
pub fn read(path: &Path, sha256: &[u8; 32]) -> Result<TaskFile, Unreadable> {
    let text = load(path).map_err(|source| Unreadable::Lost { path: path.to_owned(), source })?;
    let changed = || Unreadable::Changed { path: path.to_owned() };
    if <[u8; 32]>::from(Sha256::digest(&text)) != *sha256 {
        return Err(changed());
    }
    // It was parsed before: only another content could fail.
    parse(&text).map_err(|_| changed())
}

fn load(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::other(format!("is larger than {} MiB", LARGEST >> 20)));
    }
    fs::read(path)
}

/// The task of a file, opened once.
fn open(text: &[u8]) -> Result<TaskFile, Vec<String>> {
    let task = parse(text)?;
    family::open(&task).map(|_| ()).map_err(in_words)?;
    Ok(task)
}

/// The task of a file. Most are read without a copy; what is wrong with another, [`family::parse`] says.
fn parse(text: &[u8]) -> Result<TaskFile, Vec<String>> {
    match serde_json::from_slice::<TaskFile>(text) {
        Ok(task) if task.tools.is_some() => Ok(task),
        _ => {
            let value: Value = serde_json::from_slice(text).map_err(|error| vec![error.to_string()])?;
            family::parse(&value).map_err(in_words)
        }
    }
}

fn in_words(family::Error::Malformed(problems): family::Error) -> Vec<String> {
    problems.0.iter().map(ToString::to_string).collect()
}

/// The hash of a value as JSON.
fn digest(value: &impl Serialize) -> Result<[u8; 32], serde_json::Error> {
    Ok(Sha256::digest(serde_json::to_vec(value)?).into())
}
