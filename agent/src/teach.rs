//! Training data of a run's episodes: which of them are good, in which regimes, and in the files that trainers read.
//!
//! | file      | what it holds                              |
//! |-----------|--------------------------------------------|
//! | `episode` | an episode of the run                      |
//! | `filter`  | which episodes are good enough             |
//! | `select`  | the episodes that are kept, task by task   |
//! | `report`  | what was kept and dropped, and why         |
//! | `export`  | the files: JSON lines and Parquet          |
//!
//! The agents of a run play the same tasks, each in its regime. A task is kept if every agent's episode of it is good, so
//! that the regimes' data differ in nothing but the regime.

use std::path::{Path, PathBuf};

use proto::dataset::Observations;
use proto::run::Layout;

use crate::config::{self, RunConfig};
use crate::run;

mod episode;
mod export;
mod filter;
mod report;
mod select;

pub use filter::{Filter, Reason};
pub use report::{AgentReport, Report};

/// What to take, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the run.
    pub run: PathBuf,
    /// Which episodes are good enough.
    pub filter: Filter,
    /// Whether a task is kept only if all agents' episodes of it are.
    pub paired: bool,
    /// How observations are written; `None`: as the agent showed them.
    pub observations: Option<Observations>,
    /// The folder to write.
    pub out: PathBuf,
}

/// Why there is no training data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run's config can't be read.
    #[error("{}: {problem}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        problem: config::Error,
    },
    /// The run's folder can't be read.
    #[error(transparent)]
    Folder(#[from] run::FolderError),
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The folder to write holds something else.
    #[error("{}: is not empty, and holds no training data of a run; name a new folder with --out", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// A Parquet file can't be written.
    #[error("{}: {problem}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the library reports.
        problem: parquet::errors::ParquetError,
    },
    /// Nothing is left.
    #[error("no episode is good enough:\n{report}")]
    Nothing {
        /// What was dropped, and why.
        report: Box<Report>,
    },
}

/// Writes the training data of a run: for each agent a folder with its episodes, and a report.
///
/// # Errors
/// [`Error`]; nothing is written if no episode is good enough.
pub fn write(options: &Options) -> Result<Report, Error> {
    let layout = Layout { root: options.run.clone() };
    let path = layout.config();
    let text = files::read_text(&path)?;
    let config = RunConfig::parse(&text).map_err(|problem| Error::Config { path, problem })?;
    check_vacant(&options.out)?;

    let episodes = episode::all(&layout, &config)?;
    let kept = select::kept(&episodes, &options.filter, options.paired);
    let report = report::of(&config, &episodes, &kept);
    if kept.iter().all(Result::is_err) {
        return Err(Error::Nothing { report: Box::new(report) });
    }
    for agent in &config.agents {
        let folder = options.out.join(&agent.name);
        let chosen = episodes.iter().zip(&kept).filter(|(one, kept)| one.agent == agent.name && kept.is_ok());
        let rows: Vec<_> =
            chosen.map(|(episode, _)| export::Row::of(episode, options.observations)).collect();
        export::write(&folder, &rows)?;
    }
    files::write_json(&options.out.join(report::FILE), &report)?;
    Ok(report)
}

/// Whether the folder can be written: it is new or empty, or holds an earlier output.
fn check_vacant(out: &Path) -> Result<(), Error> {
    let is_empty = std::fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    match is_empty || out.join(report::FILE).exists() {
        true => Ok(()),
        false => Err(Error::Occupied { path: out.to_owned() }),
    }
}
