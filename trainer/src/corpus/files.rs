//! The JSON files of a folder or of a `.tar.gz`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::{Error, Result};

/// Files by name. An archive's are in memory: nothing of it is ever written to disk, so an entry's path can do no
/// harm.
pub enum Files {
    Folder { root: PathBuf, names: BTreeSet<PathBuf> },
    Archive { path: PathBuf, contents: BTreeMap<PathBuf, Vec<u8>> },
}

impl Files {
    /// All files of a folder, at any depth, or of an archive, whose names end in `.json`. Hidden files do not count:
    /// macOS puts some into archives, one beside each file.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let mut names = BTreeSet::new();
            collect(path, Path::new(""), &mut names)?;
            return Ok(Self::Folder { root: path.into(), names });
        }
        let file = File::open(path).map_err(Error::file(path))?;
        let contents = unpack(file).map_err(|error| {
            let problem = format!("no folder, and no .tar.gz that can be read ({error})");
            Error::file(path)(io::Error::other(problem))
        })?;
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

    /// The file's path, for people; in an archive, as if it were a folder.
    pub fn path(&self, name: &Path) -> PathBuf {
        match self {
            Self::Folder { root, .. } => root.join(name),
            Self::Archive { path, .. } => path.join(name),
        }
    }
}

/// Links to folders are not followed, so nothing counts twice.
fn collect(root: &Path, below: &Path, names: &mut BTreeSet<PathBuf>) -> Result<()> {
    let folder = root.join(below);
    for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
        let entry = entry.map_err(Error::file(&folder))?;
        let name = below.join(entry.file_name());
        if entry.file_type().map_err(Error::file(entry.path()))?.is_dir() {
            collect(root, &name, names)?;
        } else if is_json(&name) {
            names.insert(name);
        }
    }
    Ok(())
}

fn unpack(file: File) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::new(file)));
    let mut contents = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        if entry.header().entry_type().is_file() && is_json(&name) {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            contents.insert(name, content);
        }
    }
    // The checksum comes last: a file that is damaged behind its last entry is damaged too.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(contents)
}

fn is_json(name: &Path) -> bool {
    let name = name.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.ends_with(".json") && !name.starts_with('.')
}
