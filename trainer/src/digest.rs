//! SHA-256 of the files that a run reads, in hexadecimal, with errors that name the file.

use std::path::{Path, PathBuf};

use files::digest::Hasher;

use crate::{Error, Result};

/// The hash of a file.
///
/// # Errors
/// If the file cannot be read.
pub fn file(path: &Path) -> Result<String> {
    files::digest::file(path).map_err(Error::file(path))
}

/// The hash of a folder's safetensors files, concatenated in the order of their names.
///
/// # Errors
/// If the folder or a file cannot be read.
pub fn weights(folder: &Path) -> Result<String> {
    let entries = std::fs::read_dir(folder).map_err(Error::file(folder))?;
    let mut files = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(Error::file(folder)))
        .collect::<Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "safetensors"));
    files.sort();
    let mut hasher = Hasher::default();
    for file in &files {
        hasher.add_file(file).map_err(Error::file(file))?;
    }
    Ok(hasher.finish())
}
