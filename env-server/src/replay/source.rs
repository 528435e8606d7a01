//! Finding traces in files, folders and archives.

use std::fs;
use std::path::{Path, PathBuf};

use files::archive;

use super::error::Error;
use super::recording::Recording;

/// What the name of a trace ends in.
const TRACE: &str = ".trace.json";

/// A trace, and the result file beside it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The trace's path; in an archive `ARCHIVE:PATH`.
    pub name: String,
    files: Files,
}

#[derive(Clone, Debug)]
enum Files {
    OnDisk(PathBuf),
    InArchive { trace: Vec<u8>, result: Option<Vec<u8>> },
}

impl Source {
    /// The traces at `path`, in the order of their names: a file is one, whatever its name; a folder is searched for them,
    /// and so is a `.tar.gz`.
    ///
    /// # Errors
    /// There is none, or the folder or archive can't be read. A file is read later.
    pub fn find(path: &Path) -> Result<Vec<Self>, Error> {
        let name = path.to_string_lossy();
        let is_archive = name.ends_with(".tar.gz") || name.ends_with(".tgz");
        let found = match (path.is_dir(), is_archive) {
            (true, _) => in_folder(path)?,
            (false, true) => in_archive(path)?,
            (false, false) => return Ok(vec![Self::on_disk(path.to_owned())]),
        };
        if found.is_empty() { Err(Error::Empty) } else { Ok(found) }
    }

    fn on_disk(path: PathBuf) -> Self {
        Self { name: path.display().to_string(), files: Files::OnDisk(path) }
    }

    /// Reads the trace, and the result file beside it if there is one.
    ///
    /// # Errors
    /// A file can't be read, or the first field that is wrong.
    pub fn recording(&self) -> Result<Recording, Error> {
        let path = match &self.files {
            Files::InArchive { trace, result } => return Recording::read(trace, result.as_deref()),
            Files::OnDisk(path) => path,
        };
        let read = |path: &Path| fs::read(path).map_err(files::Error::reading(path));
        let result = result_beside(path).filter(|result| result.is_file());
        let result = result.map(|result| read(&result)).transpose()?;
        Recording::read(&read(path)?, result.as_deref())
    }
}

/// The path of a trace's result file.
fn result_beside(trace: &Path) -> Option<PathBuf> {
    let name = trace.file_name()?.to_str()?.strip_suffix(TRACE)?;
    Some(trace.with_file_name(format!("{name}.json")))
}

fn in_folder(root: &Path) -> Result<Vec<Source>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let error = |source| Error::Folder { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            // Not that of a link's target: a link to a folder above would never end.
            if entry.file_type().map_err(error)?.is_dir() {
                folders.push(entry.path());
            } else if is_trace(&entry.path()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(Source::on_disk).collect())
}

fn in_archive(path: &Path) -> Result<Vec<Source>, Error> {
    let mut contents = archive::read_json_files(path, |_| true)?;
    let traces: Vec<PathBuf> = contents.keys().filter(|name| is_trace(name)).cloned().collect();
    let source = |name: PathBuf| {
        let trace = contents.remove(&name).unwrap_or_default();
        let result = result_beside(&name).and_then(|result| contents.remove(&result));
        Source {
            name: format!("{}:{}", path.display(), name.display()),
            files: Files::InArchive { trace, result },
        }
    };
    Ok(traces.into_iter().map(source).collect())
}

fn is_trace(path: &Path) -> bool {
    archive::is_json(path) && path.to_string_lossy().ends_with(TRACE)
}
