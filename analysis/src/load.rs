//! Finds the conditions of a folder, and reads their episodes one at a time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use files::read_json;
use proto::run::{EpisodeResult, Status};
use proto::trace::{EventKind, Trace};

use crate::episode::Episode;
use crate::run_files::{self, EpisodeFiles, Place};

/// Most names that an error lists.
const LISTED: usize = 3;

/// A folder that cannot be analysed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] files::Error),
    /// There are no episodes in it.
    #[error(
        "{path}: no episodes found; give a run's folder (with results/<agent>/<family>/ below it) \
         or a folder of .json / .trace.json pairs"
    )]
    NothingFound {
        /// The folder.
        path: PathBuf,
    },
    /// There are episodes, but none of them counts.
    #[error("{path}: none of its episodes could be read and did not fail; the warnings say why")]
    NothingCounts {
        /// The folder.
        path: PathBuf,
    },
}

/// One agent in one run.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The run's name; `<run>/<agent>` if several agents were loaded from it.
    pub label: String,
    /// Run and agent.
    pub place: Place,
    files: Vec<EpisodeFiles>,
}

impl Condition {
    /// Number of episodes that it has files of, including those that cannot be read.
    pub fn episodes(&self) -> usize {
        self.files.len()
    }

    /// Reads the episodes, one at a time, and maps each.
    ///
    /// A file that is missing or cannot be parsed becomes a warning that names it; the other file of its
    /// episode, and the other episodes, are still read. Failed episodes are left out, and a warning counts
    /// them: what failed was the machinery, not the agent, so they carry no information about the condition.
    pub fn map_episodes<T>(&self, warnings: &mut Vec<String>, mut map: impl FnMut(&Episode) -> T) -> Vec<T> {
        let mut failed = 0;
        let mut mapped = Vec::new();
        for episode in self.files.iter().filter_map(|files| read(files, warnings)) {
            if episode.result.as_ref().is_some_and(|result| result.status == Status::Failed) {
                failed += 1;
            } else {
                mapped.push(map(&episode));
            }
        }
        if failed > 0 {
            warnings.push(format!("{}: {failed} failed episode(s) left out", self.label));
        }
        mapped
    }
}

/// The conditions below a folder, in order of run and agent; at least one.
///
/// # Errors
/// If the folder cannot be read or holds no episodes.
pub fn conditions(folder: &Path) -> Result<Vec<Condition>, Error> {
    // The absolute path has the run and the agent, even if the given folder is deep in a run.
    let root = folder.canonicalize().map_err(files::Error::reading(folder))?;
    let mut paths = Vec::new();
    collect_files(&root, &mut paths)?;
    let mut places: BTreeMap<Place, Vec<EpisodeFiles>> = BTreeMap::new();
    for files in run_files::find(paths) {
        places.entry(files.place()).or_default().push(files);
    }
    if places.is_empty() {
        return Err(Error::NothingFound { path: folder.to_owned() });
    }
    let agents_of = |run: &Path| places.keys().filter(|place| place.run == run).count();
    Ok(places
        .iter()
        .map(|(place, files)| {
            let run = place.run.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy());
            let label = match &place.agent {
                Some(agent) if agents_of(&place.run) > 1 => format!("{run}/{agent}"),
                _ => run.into_owned(),
            };
            Condition { label, place: place.clone(), files: files.clone() }
        })
        .collect())
}

/// The folder's condition, if it holds one.
///
/// # Errors
/// If it cannot be read, or holds none or several.
pub fn only_condition(path: &Path) -> anyhow::Result<Condition> {
    let mut conditions = conditions(path)?;
    if conditions.len() > 1 {
        let labels = conditions.iter().map(|condition| condition.label.clone());
        bail!(
            "{}: holds several conditions ({}); give the folder of one (a run's results/<agent>)",
            path.display(),
            listed(labels)
        );
    }
    conditions.pop().with_context(|| format!("{}: no episodes found", path.display()))
}

/// Makes labels unique: a label that several conditions have becomes the path of the run (and the agent).
pub fn make_labels_differ(conditions: &mut [Condition]) {
    let labels: Vec<String> = conditions.iter().map(|condition| condition.label.clone()).collect();
    for condition in conditions {
        if labels.iter().filter(|label| **label == condition.label).count() > 1 {
            let run = condition.place.run.display();
            condition.label = match &condition.place.agent {
                Some(agent) => format!("{run}/{agent}"),
                None => run.to_string(),
            };
        }
    }
}

/// Collects every file below a folder. Links to folders are not followed, so that a run is not counted twice.
pub(crate) fn collect_files(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let unreadable = files::Error::reading(folder);
    for entry in fs::read_dir(folder).map_err(&unreadable)? {
        let entry = entry.map_err(&unreadable)?;
        if entry.file_type().map_err(&unreadable)?.is_dir() {
            collect_files(&entry.path(), paths)?;
        } else {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Reads the files of one episode; none if neither can be read.
fn read(files: &EpisodeFiles, warnings: &mut Vec<String>) -> Option<Episode> {
    let result: Option<EpisodeResult> = if files.has_result {
        read_json(&files.result()).map_err(|error| warnings.push(error.to_string())).ok()
    } else {
        warnings.push(format!("{}: no result beside it; its score is unknown", files.trace().display()));
        None
    };
    let trace: Option<Trace> = if files.has_trace {
        read_json(&files.trace()).map_err(|error| warnings.push(error.to_string())).ok()
    } else {
        warnings.push(format!("{}: no trace beside it; its steps are unknown", files.result().display()));
        None
    };
    if let Some(trace) = &trace {
        warn_of_misshapen_steps(files, trace, warnings);
    }
    if result.is_none() && trace.is_none() {
        return None;
    }
    Some(Episode {
        task_id: files.task_id().to_owned(),
        family: files.family().to_owned(),
        file: if files.has_result { files.result() } else { files.trace() },
        result,
        trace,
    })
}

/// Warns of events that are named steps but do not have the fields of one. They are parsed as unknown events,
/// and would be missing from the numbers without notice.
fn warn_of_misshapen_steps(files: &EpisodeFiles, trace: &Trace, warnings: &mut Vec<String>) {
    let misshapen = trace.events.iter().filter(
        |event| matches!(&event.kind, EventKind::Other(value) if value.get("type").is_some_and(|t| t == "StepEvent")),
    );
    match misshapen.count() {
        0 => {}
        count => warnings.push(format!(
            "{}: {count} StepEvent(s) without the shape of a step; they are not counted",
            files.trace().display()
        )),
    }
}

/// The first few names, and the number of the others.
pub(crate) fn listed<T: ToString>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    let text = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED { format!("{text}, and {} more", names.len() - LISTED) } else { text }
}
