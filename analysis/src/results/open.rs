//! Opens a study's folder or a results file.

use std::path::Path;

use super::collect;
use super::file::Results;

impl Results {
    /// Collects the results of a study's folder, or reads a file of collected results.
    ///
    /// # Errors
    /// If it cannot be read; the message names the file and the field.
    pub fn open(path: &Path, warnings: &mut Vec<String>) -> anyhow::Result<Self> {
        if path.is_dir() { collect::collect(path, warnings) } else { Self::read(path) }
    }
}
