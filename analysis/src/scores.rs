//! Reads the scores of one condition, by task, from a folder or a `.tar.gz`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use files::archive;
use proto::run::EpisodeResult;

use crate::load;
use crate::run_files::{self, EpisodeFiles, Place};

/// Why scores cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The archive cannot be read.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] load::Error),
    /// It holds no results.
    #[error(
        "{path}: no results found; it must hold results/<agent>/<family>/*.json, or result files directly"
    )]
    NoResults {
        /// The folder or archive.
        path: PathBuf,
    },
    /// It holds no such agent.
    #[error("{path}: no agent named {agent}; there are: {}", agents.join(", "))]
    NoSuchAgent {
        /// The folder or archive.
        path: PathBuf,
        /// The agent that was asked for.
        agent: String,
        /// The agents that it holds.
        agents: Vec<String>,
    },
    /// It holds several conditions.
    #[error(
        "{path}: holds several conditions ({}); give the folder of one (`compare` can also choose: --agent-a, --agent-b)",
        conditions.join(", ")
    )]
    Several {
        /// The folder or archive.
        path: PathBuf,
        /// Their names.
        conditions: Vec<String>,
    },
    /// Two files are results of the same task.
    #[error("{path}: two results for task {task_id}: {first} and {second}; remove one", first = .files[0].display(), second = .files[1].display())]
    Twice {
        /// The folder or archive.
        path: PathBuf,
        /// The task.
        task_id: String,
        /// The files.
        files: [PathBuf; 2],
    },
    /// No result has a score.
    #[error("{path}: none of its {results} results has a score")]
    NothingScored {
        /// The folder or archive.
        path: PathBuf,
        /// Number of results.
        results: usize,
    },
}

/// One scored episode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Whether the task was solved exactly.
    pub solved: bool,
    /// The score, 0 to 1.
    pub score: f64,
}

/// The scored episodes of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The scores, by task id.
    pub by_task: BTreeMap<String, Score>,
    /// Number of results that have no evaluation or cannot be read.
    pub unscored: usize,
}

impl Scores {
    /// Reads the results of one condition: that of `agent`, or else the only one. A result that cannot be
    /// parsed becomes a warning that names it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn read(path: &Path, agent: Option<&str>, warnings: &mut Vec<String>) -> Result<Self, Error> {
        let source = Source::open(path)?;
        let mut results = run_files::find(source.paths());
        results.retain(|files| files.has_result);
        if results.is_empty() {
            return Err(Error::NoResults { path: path.to_owned() });
        }
        let results = one_condition(path, results, agent)?;
        let mut scores = BTreeMap::new();
        let mut files_by_task: BTreeMap<&str, PathBuf> = BTreeMap::new();
        for files in &results {
            let file = files.result();
            if let Some(first) = files_by_task.insert(files.task_id(), file.clone()) {
                let task_id = files.task_id().to_owned();
                return Err(Error::Twice { path: path.to_owned(), task_id, files: [first, file] });
            }
            match source.read(&file) {
                Ok(EpisodeResult { result: Some(evaluation), .. }) => {
                    let score = Score { solved: evaluation.is_solved, score: evaluation.score };
                    scores.insert(files.task_id().to_owned(), score);
                }
                Ok(_) => {}
                Err(error) => warnings.push(format!("{}: {}: {error}", path.display(), file.display())),
            }
        }
        if scores.is_empty() {
            return Err(Error::NothingScored { path: path.to_owned(), results: results.len() });
        }
        Ok(Self { unscored: results.len() - scores.len(), by_task: scores })
    }
}

/// The results of `agent`'s only condition, or else of the only condition.
fn one_condition(
    path: &Path,
    mut results: Vec<EpisodeFiles>,
    agent: Option<&str>,
) -> Result<Vec<EpisodeFiles>, Error> {
    if let Some(agent) = agent {
        let agents: BTreeSet<String> = results.iter().filter_map(|files| files.place().agent).collect();
        results.retain(|files| files.place().agent.as_deref() == Some(agent));
        if results.is_empty() {
            let (path, agent) = (path.to_owned(), agent.to_owned());
            return Err(Error::NoSuchAgent { path, agent, agents: agents.into_iter().collect() });
        }
    }
    let places: BTreeSet<Place> = results.iter().map(EpisodeFiles::place).collect();
    if places.len() > 1 {
        let conditions = places.iter().map(|place| {
            place.agent.iter().fold(place.run.display().to_string(), |run, agent| format!("{run}/{agent}"))
        });
        return Err(Error::Several { path: path.to_owned(), conditions: conditions.collect() });
    }
    Ok(results)
}

/// Where results come from.
enum Source {
    Folder(Vec<PathBuf>),
    Archive(BTreeMap<PathBuf, Vec<u8>>),
}

impl Source {
    fn open(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            let root = path.canonicalize().map_err(files::Error::reading(path)).map_err(load::Error::from)?;
            let mut paths = Vec::new();
            load::collect_files(&root, &mut paths)?;
            Ok(Self::Folder(paths))
        } else {
            Ok(Self::Archive(archive::read_json_files(path, is_result)?))
        }
    }

    fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder(paths) => paths.clone(),
            Self::Archive(files) => files.keys().cloned().collect(),
        }
    }

    fn read(&self, file: &Path) -> anyhow::Result<EpisodeResult> {
        Ok(match self {
            Self::Folder(_) => serde_json::from_slice(&fs::read(file)?)?,
            Self::Archive(files) => {
                serde_json::from_slice(files.get(file).map(Vec::as_slice).unwrap_or_default())?
            }
        })
    }
}

/// Whether the content of a file is needed: of traces, only the paths are.
fn is_result(name: &Path) -> bool {
    !name.to_string_lossy().ends_with(".trace.json")
}
