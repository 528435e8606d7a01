//! One run of a cell, read from its folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::ensure;
use proto::trace::Versions;
use serde::Serialize;

use super::cell::Cell;
use super::outcome::Observation;
use crate::episode::Episode;
use crate::load::Condition;

/// One run: one cell under one seed.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// The cell.
    pub cell: Cell,
    /// The folder, as it was given.
    pub path: PathBuf,
    /// The versions that made it; several if its episodes were not all made by the same ones.
    pub versions: Vec<Versions>,
    /// The outcomes of its episodes, by family and task.
    #[serde(skip)]
    pub observations: BTreeMap<(String, String), Observation>,
}

impl Run {
    /// Reads the episodes of a run.
    ///
    /// # Errors
    /// If no episode has an evaluation, or one did not run in the cell's runtime.
    pub fn read(
        cell: Cell,
        path: &Path,
        condition: &Condition,
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let mut run =
            Self { cell, path: path.to_owned(), versions: Vec::new(), observations: BTreeMap::new() };
        let added = condition.map_episodes(warnings, |episode| run.add(episode));
        let unevaluated = added.into_iter().collect::<anyhow::Result<Vec<bool>>>()?;
        let unevaluated = unevaluated.into_iter().filter(|evaluated| !evaluated).count();
        if unevaluated > 0 {
            warnings
                .push(format!("{}: {unevaluated} episode(s) without an evaluation left out", path.display()));
        }
        ensure!(!run.observations.is_empty(), "none of its episodes has an evaluation and did not fail");
        Ok(run)
    }

    /// Adds an episode, if it has an evaluation. Returns whether it has.
    fn add(&mut self, episode: &Episode) -> anyhow::Result<bool> {
        let Some(observation) = Observation::of(episode) else {
            return Ok(false);
        };
        episode.must_have_run_in(self.cell.runtime)?;
        if let Some(provenance) = episode.provenance()
            && !self.versions.contains(&provenance.versions)
        {
            self.versions.push(provenance.versions.clone());
        }
        let key = (episode.family.clone(), episode.task_id.clone());
        let twice = self.observations.insert(key, observation).is_some();
        ensure!(!twice, "task {} has two results", episode.task_id);
        Ok(true)
    }

    /// Whether it has a task.
    pub fn has(&self, family: &str, task: &str) -> bool {
        self.observations.contains_key(&(family.to_owned(), task.to_owned()))
    }
}
