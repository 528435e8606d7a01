//! Pairs runs: every task under every seed in every cell, or an error that says what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use super::cell::Cell;
use super::outcome::Outcome;
use super::run::Run;
use crate::load::{self, listed};

/// Which episodes are compared.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The family; it must be given if the runs have several.
    pub family: Option<String>,
    /// Whether tasks that some run lacks are left out; otherwise they are an error.
    pub common_tasks: bool,
}

/// The paired episodes.
#[derive(Clone, Debug)]
pub struct Design {
    /// The tasks' family.
    pub family: String,
    /// The tasks, in order.
    pub tasks: Vec<String>,
    /// Tasks that were left out because some run lacks them.
    pub left_out: Vec<String>,
    /// Number of seeds: runs in each cell.
    pub seeds: usize,
    /// The runs, by cell, then seed.
    pub runs: Vec<Run>,
}

impl Design {
    /// Reads the runs of each cell, one for each seed, in the same order of seeds, and pairs them.
    ///
    /// # Errors
    /// If a run cannot be read or is not of its cell, or tasks are not paired.
    pub fn read(
        cells: &[(Cell, &[PathBuf])],
        selection: &Selection,
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let seeds = cells.iter().map(|(_, paths)| paths.len()).max().unwrap_or_default();
        if cells.iter().any(|(_, paths)| paths.len() != seeds) {
            let counts: Vec<String> =
                cells.iter().map(|(cell, paths)| format!("{cell} has {}", paths.len())).collect();
            bail!(
                "the cells differ in their number of runs ({}); give each cell one run a seed, in the same order",
                counts.join(", ")
            );
        }
        let mut runs = Vec::new();
        let mut places = BTreeMap::new();
        for (cell, paths) in cells {
            for path in *paths {
                let condition = load::only_condition(path)?;
                let what = format!("{cell}: {}", path.display());
                if let Some(other) = places.insert(condition.place.clone(), what.clone()) {
                    bail!("the same run is given twice: {other} and {what}");
                }
                runs.push(Run::read(*cell, path, &condition, warnings).context(what)?);
            }
        }
        Self::of(runs, selection)
    }

    /// Pairs runs. Each cell has the same number of them.
    ///
    /// # Errors
    /// If tasks are not paired.
    pub fn of(mut runs: Vec<Run>, selection: &Selection) -> anyhow::Result<Self> {
        let seeds = runs.iter().filter(|run| run.cell == runs[0].cell).count();
        let family = one_family(&mut runs, selection.family.as_deref())?;
        let all: BTreeSet<String> =
            runs.iter().flat_map(|run| run.observations.keys()).map(|(_, task)| task.clone()).collect();
        let (tasks, left_out): (Vec<String>, Vec<String>) =
            all.into_iter().partition(|task| runs.iter().all(|run| run.has(&family, task)));
        if !(left_out.is_empty() || selection.common_tasks) {
            bail!(unpaired(&runs, &family, &tasks, &left_out));
        }
        ensure!(
            !tasks.is_empty(),
            "the runs have no task in common; were all of them made from the same task set?"
        );
        Ok(Self { family, tasks, left_out, seeds, runs })
    }

    /// A cell's values of an outcome, by task, then seed. None if an episode lacks it.
    pub fn values(&self, cell: Cell, outcome: Outcome) -> Option<Vec<Vec<f64>>> {
        let runs: Vec<&Run> = self.runs.iter().filter(|run| run.cell == cell).collect();
        let of_task = |task: &String| {
            let key = (self.family.clone(), task.clone());
            runs.iter().map(|run| outcome.value(run.observations.get(&key)?)).collect()
        };
        self.tasks.iter().map(of_task).collect()
    }

    /// The outcomes that every episode has.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let is_whole =
            |outcome: &Outcome| Cell::ALL.iter().all(|cell| self.values(*cell, *outcome).is_some());
        Outcome::ALL.into_iter().filter(is_whole).collect()
    }

    /// Whether some token counts are estimates.
    pub fn tokens_estimated(&self) -> bool {
        self.runs.iter().flat_map(|run| run.observations.values()).any(|observation| observation.estimated)
    }
}

/// The family to compare. If one was asked for, the episodes of others are dropped.
fn one_family(runs: &mut [Run], wanted: Option<&str>) -> anyhow::Result<String> {
    let all: BTreeSet<String> =
        runs.iter().flat_map(|run| run.observations.keys()).map(|(family, _)| family.clone()).collect();
    let family = match (wanted, all.first()) {
        (Some(wanted), _) => wanted.to_owned(),
        (None, Some(first)) if all.len() == 1 => first.clone(),
        _ => bail!(
            "the runs hold several task families ({}), whose scores do not mean the same; choose one with --family",
            listed(all)
        ),
    };
    for run in runs {
        run.observations.retain(|(of, _), _| *of == family);
        if run.observations.is_empty() {
            bail!(
                "{}: {}: no task of family {family}; the runs have: {}",
                run.cell,
                run.path.display(),
                listed(all)
            );
        }
    }
    Ok(family)
}

fn unpaired(runs: &[Run], family: &str, tasks: &[String], left_out: &[String]) -> String {
    let lacking = runs.iter().filter_map(|run| {
        let lacked: Vec<&String> = left_out.iter().filter(|task| !run.has(family, task)).collect();
        (!lacked.is_empty()).then(|| {
            format!("\n  {}: {} lacks {}: {}", run.cell, run.path.display(), lacked.len(), listed(lacked))
        })
    });
    format!(
        "{} task(s) are not evaluated in every run, so the cells cannot be paired:{}\nfinish those runs \
         (`agent run` again), or give --common-tasks for the {} task(s) that all have",
        left_out.len(),
        lacking.collect::<String>(),
        tasks.len()
    )
}
