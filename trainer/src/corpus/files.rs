//! The JSON files of a folder or of a `.tar.gz`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ::files::archive;

use crate::{Error, Result};

/// Files by name. Those of an archive are in memory: nothing is written to disk, so an entry's path can do no
/// harm.
pub enum Files {
    Folder { root: PathBuf, names: BTreeSet<PathBuf> },
    Archive { path: PathBuf, contents: BTreeMap<PathBuf, Vec<u8>> },
}

impl Files {
    /// All files of a folder, at any depth, or of an archive, whose names end in `.json`. Hidden files are
    /// ignored: macOS puts one next to each file of an archive.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let mut names = BTreeSet::new();
            collect(path, Path::new(""), &mut names)?;
            return Ok(Self::Folder { root: path.into(), names });
        }
        let contents = archive::read_json_files(path, |_| true).map_err(unreadable)?;
        Ok(Self::Archive { path: path.into(), contents })
    }

    pub fn names(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder { names, .. } => names.iter().cloned().collect(),
            Self::Archive { contents, .. } => contents.keys().cloned().collect(),
        }
    }

    pub fn contains(&self, name: &Path) -> bool {
        match self {
            Self::Folder { names, .. } => names.contains(name),
            Self::Archive { contents, .. } => contents.contains_key(name),
        }
    }

    pub fn content(&self, name: &Path) -> Result<Vec<u8>> {
        match self {
            Self::Folder { .. } => std::fs::read(self.path(name)).map_err(Error::file(self.path(name))),
            Self::Archive { contents, .. } => Ok(contents.get(name).cloned().unwrap_or_default()),
        }
    }

    /// The path of a file in messages; an archive is shown as if it were a folder.
    pub fn path(&self, name: &Path) -> PathBuf {
        match self {
            Self::Folder { root, .. } => root.join(name),
            Self::Archive { path, .. } => path.join(name),
        }
    }
}

/// The error of a path that is neither a folder nor an intact archive.
fn unreadable(error: archive::Error) -> Error {
    let (path, reason) = match error {
        archive::Error::Truncated { path } => (path, "it is cut short; copy or make it again".to_owned()),
        archive::Error::Damaged { path, source } => (path, source.to_string()),
        other => return other.into(),
    };
    let problem = format!("no folder, and no .tar.gz that can be read: {reason}");
    Error::file(path)(std::io::Error::other(problem))
}

/// Adds the JSON files below a folder. Links to folders are not followed, so that no file is read twice.
fn collect(root: &Path, below: &Path, names: &mut BTreeSet<PathBuf>) -> Result<()> {
    let folder = root.join(below);
    for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
        let entry = entry.map_err(Error::file(&folder))?;
        let name = below.join(entry.file_name());
        if entry.file_type().map_err(Error::file(entry.path()))?.is_dir() {
            collect(root, &name, names)?;
        } else if archive::is_json(&name) {
            names.insert(name);
        }
    }
    Ok(())
}
