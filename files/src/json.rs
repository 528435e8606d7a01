//! JSON and text files.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Reads a JSON file.
///
/// # Errors
/// [`Error`] naming the file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
}

/// Reads a UTF-8 file.
///
/// # Errors
/// [`Error`] naming the file.
pub fn read_text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::reading(path))
}

/// Writes a value as indented JSON, atomically; makes missing folders.
///
/// # Errors
/// [`Error`] naming the file; the old file, if any, is then still whole.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    text.push('\n');
    write_text(path, &text)
}

/// Writes a text file atomically (a temporary file beside it, then a rename);
/// makes missing folders.
///
/// # Errors
/// [`Error`] naming the file; the old file, if any, is then still whole.
pub fn write_text(path: &Path, text: &str) -> Result<(), Error> {
    let write = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        make_readable(file.as_file())?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(Error::writing(path))
}

/// Temporary files are private to their owner; results are ordinary files.
#[cfg(unix)]
fn make_readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &fs::File) -> io::Result<()> {
    Ok(())
}
