//! A folder for the files that readers want.

use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

/// Where files are kept in memory.
const MEMORY: &str = "/dev/shm";

/// The process's folder. In memory where the system has such a place: a file is written for each input.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let made = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir());
    made.expect("a folder for temporary files")
});

/// The process's folder.
pub fn folder() -> &'static Path {
    FOLDER.path()
}
