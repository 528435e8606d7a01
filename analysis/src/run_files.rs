//! Finds the files of each episode, from paths alone.
//!
//! Episodes are in `<run>/results/<agent>/<family>/` at any depth, or in any folder that holds a
//! `.trace.json`. If there is no such folder, every JSON file that is not a summary counts as a result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The ending of a trace's file name.
const TRACE: &str = ".trace.json";
/// The ending of a result's file name.
const RESULT: &str = ".json";
/// Prefixes of the names of a run's summaries.
const SUMMARIES: [&str; 2] = ["summary_", "task_status_"];

/// The files of one episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpisodeFiles {
    /// Their folder.
    pub folder: PathBuf,
    /// Their name without its ending: `<family>-<task_id>`.
    pub stem: String,
    /// Whether there is a `<stem>.json`.
    pub has_result: bool,
    /// Whether there is a `<stem>.trace.json`.
    pub has_trace: bool,
}

/// The run and agent of episodes, from their folder's path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The run's folder; outside of a run's layout, the episodes' own folder.
    pub run: PathBuf,
    /// The agent's name; none outside of a run's layout.
    pub agent: Option<String>,
}

impl EpisodeFiles {
    /// The path of the result.
    pub fn result(&self) -> PathBuf {
        self.folder.join(format!("{}{RESULT}", self.stem))
    }

    /// The path of the trace.
    pub fn trace(&self) -> PathBuf {
        self.folder.join(format!("{}{TRACE}", self.stem))
    }

    /// The task's id: the stem without the first family, if the stem begins with the family twice.
    pub fn task_id(&self) -> &str {
        match self.stem.split_once('-') {
            Some((family, id)) if id.strip_prefix(family).is_some_and(|rest| rest.starts_with('-')) => id,
            _ => &self.stem,
        }
    }

    /// The run and agent of the episode.
    pub fn place(&self) -> Place {
        match layout(&self.folder) {
            Some((run, agent, _)) => Place { run: run.to_owned(), agent: Some(agent.to_owned()) },
            None => Place { run: self.folder.clone(), agent: None },
        }
    }

    /// The task's family: the folder's name in a run's layout, otherwise the beginning of the task's id.
    pub fn family(&self) -> &str {
        match layout(&self.folder) {
            Some((_, _, family)) => family,
            None => self.task_id().rsplit_once('-').map_or("", |(family, _)| family),
        }
    }
}

/// The run, agent and family of a folder `<run>/results/<agent>/<family>`.
fn layout(folder: &Path) -> Option<(&Path, &str, &str)> {
    let family = folder.file_name()?.to_str()?;
    let agent_folder = folder.parent()?;
    let agent = agent_folder.file_name()?.to_str()?;
    let results = agent_folder.parent()?;
    (results.file_name()? == "results").then_some((results.parent()?, agent, family))
}

/// The episodes among these paths, in order of their paths.
pub fn find(paths: impl IntoIterator<Item = PathBuf>) -> Vec<EpisodeFiles> {
    let paths: BTreeSet<PathBuf> = paths.into_iter().collect();
    let named: Vec<(&Path, &str)> = paths
        .iter()
        .filter_map(|path| Some((path.parent()?, path.file_name()?.to_str()?)))
        // Hidden files do not count. macOS puts one beside each file of an archive.
        .filter(|(_, name)| name.ends_with(RESULT) && !name.starts_with('.'))
        .collect();
    let episode_folders: BTreeSet<&Path> = named
        .iter()
        .filter(|(folder, name)| name.ends_with(TRACE) || layout(folder).is_some())
        .map(|(folder, _)| *folder)
        .collect();
    let is_wanted = |folder: &Path, name: &str| {
        if episode_folders.is_empty() {
            !SUMMARIES.iter().any(|summary| name.starts_with(summary))
        } else {
            episode_folders.contains(folder)
        }
    };
    let mut episodes = BTreeMap::new();
    for (folder, name) in named.into_iter().filter(|(folder, name)| is_wanted(folder, name)) {
        let (stem, is_trace) = match name.strip_suffix(TRACE) {
            Some(stem) => (stem, true),
            None => (name.strip_suffix(RESULT).unwrap_or(name), false),
        };
        let files = episodes.entry((folder, stem)).or_insert_with(|| EpisodeFiles {
            folder: folder.to_owned(),
            stem: stem.to_owned(),
            has_result: false,
            has_trace: false,
        });
        files.has_trace |= is_trace;
        files.has_result |= !is_trace;
    }
    episodes.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str]) -> Vec<EpisodeFiles> {
        find(paths.iter().map(PathBuf::from))
    }

    #[test]
    fn a_run_in_its_layout() {
        let episodes = found(&[
            "out/run/summary_codeact-knapsack.json",
            "out/run/results/codeact/knapsack/knapsack-knapsack-0000000001.json",
            "out/run/results/codeact/knapsack/knapsack-knapsack-0000000001.trace.json",
            "out/run/results/codeact/knapsack/knapsack-knapsack-0000000001.trace.html",
            "out/run/results/codeact/knapsack/._knapsack-knapsack-0000000001.json",
        ]);
        assert_eq!(episodes.len(), 1);
        assert!(episodes[0].has_result && episodes[0].has_trace);
        assert_eq!(episodes[0].task_id(), "knapsack-0000000001");
        assert_eq!(episodes[0].family(), "knapsack");
        assert_eq!(episodes[0].place(), Place { run: "out/run".into(), agent: Some("codeact".into()) });
    }

    #[test]
    fn a_folder_of_pairs() {
        let episodes = found(&[
            "pairs/rule_diagnosis-rule_diagnosis-0000000007.json",
            "pairs/rule_diagnosis-rule_diagnosis-0000000007.trace.json",
            "elsewhere/config.json",
        ]);
        assert_eq!(episodes.len(), 1);
        assert_eq!(episodes[0].family(), "rule_diagnosis");
        assert_eq!(episodes[0].place(), Place { run: "pairs".into(), agent: None });
    }

    #[test]
    fn results_without_traces_or_layout() {
        let episodes = found(&["a/summary_x-y.json", "a/task-1.json"]);
        assert_eq!(episodes.len(), 1);
        assert_eq!((episodes[0].task_id(), episodes[0].has_trace), ("task-1", false));
    }
}
