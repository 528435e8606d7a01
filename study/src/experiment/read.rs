//! Reads and checks an experiment file.

use std::path::Path;

use anyhow::{Result, anyhow};
use fields::{Collector, FromJson as _, Problems};

use super::check::check;
use super::file;
use super::whole::Experiment;

impl Experiment {
    /// Reads a file with what it extends, and checks it.
    ///
    /// # Errors
    /// If a file can't be read; otherwise every problem in the file, one line each, with the file and the
    /// key.
    pub fn read(path: &Path) -> Result<Self> {
        let document = file::read(path)?;
        let collector = Collector::default();
        let experiment = {
            let root = collector.root();
            Self::from_json(&document, &root).inspect(|experiment| check(experiment, &root))
        };
        collector.finish(experiment).map_err(|problems| anyhow!("{}", lines(path, &problems)))
    }
}

/// One line a problem, each with the file.
fn lines(path: &Path, problems: &Problems) -> String {
    let quoted = problems.quoted();
    let lines = quoted.lines().map(|line| format!("{}: {line}", path.display()));
    lines.collect::<Vec<_>>().join("\n")
}
