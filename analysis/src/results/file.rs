//! `results.json`: the study's manifest, its training curves, a row for each evaluation episode, and a few
//! episodes in full.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};
use proto::study::{self, Cell, Study};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cell::{CellResults, TaskSet};
use super::curve::Curve;
use super::example::Example;
use super::layout;
use crate::turn::Turn;

/// The value of [`Results::format`] that this version reads and writes.
pub const FORMAT: &str = "runtime_gym.results.v1";

/// A study's results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// [`FORMAT`].
    pub format: String,
    /// The program that collected them.
    pub collected_by: String,
    /// The study's manifest. Its lists of cells and trainings are empty: they are below, with their content.
    pub study: Study,
    /// What the letters of turns mean.
    pub turn_letters: BTreeMap<String, String>,
    /// The tasks of the evaluation.
    pub task_sets: Vec<TaskSet>,
    /// Every training run, in order.
    pub training: Vec<Curve>,
    /// Every run of evaluation episodes, in the study's order.
    pub cells: Vec<CellResults>,
    /// One task of each task set under the four cells, in full.
    pub examples: Vec<Example>,
}

impl Results {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read; the message names the file and the field.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let value: Value = files::read_json(path)?;
        if value["format"] == study::FORMAT {
            anyhow::bail!("{}: this is a study's manifest; give its folder", path.display());
        }
        ensure!(
            value["format"] == FORMAT,
            "{}: `format` is {}, expected \"{FORMAT}\"; make the file with `analysis collect`",
            path.display(),
            value["format"],
        );
        let results: Self = serde_path_to_error::deserialize(value)
            .with_context(|| format!("{}: not the results of a study", path.display()))?;
        results.validate().with_context(|| path.display().to_string())?;
        Ok(results)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        Ok(files::write_text(path, &layout::text(&serde_json::to_value(self)?))?)
    }

    /// The meaning of every letter.
    pub(super) fn letters() -> BTreeMap<String, String> {
        Turn::ALL.into_iter().map(|turn| (turn.letter().to_string(), turn.title().to_owned())).collect()
    }

    /// Checks that cells differ, and that each row of a cell is of another task of its task set.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        let mut seen = BTreeMap::new();
        for (index, results) in self.cells.iter().enumerate() {
            let Cell { seed, train, runtime, tasks, .. } = &results.cell;
            if let Some(other) = seen.insert((seed, train, runtime, tasks), index) {
                anyhow::bail!(
                    "cells[{index}]: seed {seed}, {train} in {runtime} on {tasks} is also cells[{other}]"
                );
            }
            ensure!(!results.episodes.is_empty(), "cells[{index}]: no episodes");
            let mut ids = BTreeSet::new();
            for row in &results.episodes {
                let id = &row.task_id;
                ensure!(ids.insert(id), "cells[{index}]: two episodes of task {id}");
                let is_known = |set: &TaskSet| set.name == *tasks && set.tasks.contains_key(id);
                ensure!(
                    self.task_sets.iter().any(is_known),
                    "cells[{index}]: task {id} is not of task set {tasks}"
                );
            }
        }
        Ok(())
    }
}
