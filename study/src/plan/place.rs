//! The folders of a study.

use std::path::{Path, PathBuf};

/// Where a study's files go.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The output folder, which studies share.
    pub out: &'a Path,
    /// The study's name.
    pub name: &'a str,
}

impl Place<'_> {
    /// The folder of the stages of all studies.
    pub fn stages(&self) -> PathBuf {
        self.out.join("stages")
    }

    /// The study's own folder.
    pub fn study(&self) -> PathBuf {
        self.out.join(self.name)
    }
}
