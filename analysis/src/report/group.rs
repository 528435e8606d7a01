//! The cells of a task set, compared.

use std::collections::BTreeSet;

use proto::interpreter_state::InterpreterState;

use super::measured::{Measured, label};
use crate::results::cell::{CellResults, TaskSet};
use crate::results::file::Results;
use crate::two_by_two;
use crate::two_by_two::design::{Design, Selection};
use crate::two_by_two::options::Options;
use crate::two_by_two::run::Run;

/// The cells of one family of a task set.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The tasks.
    pub set: &'a TaskSet,
    /// The cells that were run: the four cells in their order, then the base model, then others.
    pub cells: Vec<Measured<'a>>,
    /// The comparison of the four cells; none if they were not all run.
    pub compared: Option<two_by_two::report::Report>,
    /// Numbers of episodes that failed, were not evaluated, or could not be read, by cell and seed, as text.
    pub left_out: Vec<String>,
    /// Tasks and seeds that are left out because they are not in all four cells, as text.
    pub unpaired: Vec<String>,
}

/// The cells of every task set, compared.
///
/// # Errors
/// If the four cells cannot be paired.
pub fn groups<'a>(
    results: &'a Results,
    options: &Options,
    warnings: &mut Vec<String>,
) -> anyhow::Result<Vec<Group<'a>>> {
    results.task_sets.iter().map(|set| Group::of(results, set, options, warnings)).collect()
}

impl<'a> Group<'a> {
    fn of(
        results: &'a Results,
        set: &'a TaskSet,
        options: &Options,
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let of_set: Vec<&CellResults> =
            results.cells.iter().filter(|results| results.cell.tasks == set.name).collect();
        let mut group =
            Self { set, cells: Vec::new(), compared: None, left_out: Vec::new(), unpaired: Vec::new() };
        for results in &of_set {
            group.add(results);
        }
        group.cells.retain(|cell| cell.episodes() > 0);
        group.cells.sort_by_key(Measured::rank);
        if let Some((runs, seeds)) = runs(set, &of_set, &mut group.unpaired) {
            let design = Design::of(runs, &Selection { family: None, common_tasks: true })?;
            if !design.left_out.is_empty() {
                group.unpaired.push(format!(
                    "{} task(s), not evaluated in all four cells under every seed",
                    design.left_out.len()
                ));
            }
            warnings.extend(
                group.unpaired.iter().map(|what| format!("{}: left out of every table: {what}", set.name)),
            );
            group.keep(&design.tasks, &seeds);
            group.compared = Some(two_by_two::report::Report::of(design, *options, warnings));
        }
        Ok(group)
    }

    fn add(&mut self, results: &'a CellResults) {
        let cell = &results.cell;
        let rows = results.episodes.iter().filter(|row| self.set.tasks.contains_key(&row.task_id)).collect();
        let known =
            self.cells.iter_mut().find(|known| (known.train, known.runtime) == (&cell.train, cell.runtime));
        match known {
            Some(known) => {
                known.seeds.push((cell.seed, rows));
                known.seeds.sort_by_key(|(seed, _)| *seed);
                known.estimated |= results.tokens_estimated;
            }
            None => self.cells.push(Measured {
                train: &cell.train,
                runtime: cell.runtime,
                estimated: results.tokens_estimated,
                seeds: vec![(cell.seed, rows)],
            }),
        }
        if results.left_out > 0 {
            let label = label(&cell.train, cell.runtime);
            self.left_out.push(format!("{} of {label}, seed {}", results.left_out, cell.seed));
        }
    }

    /// Keeps the episodes of these tasks and seeds, so that every table is about the same episodes.
    fn keep(&mut self, tasks: &[String], seeds: &BTreeSet<u64>) {
        let tasks: BTreeSet<&String> = tasks.iter().collect();
        for cell in &mut self.cells {
            cell.seeds.retain(|(seed, _)| seeds.contains(seed));
            for (_, rows) in &mut cell.seeds {
                rows.retain(|row| tasks.contains(&row.task_id));
            }
        }
        self.cells.retain(|cell| cell.episodes() > 0);
    }

    /// The task set's name and family.
    pub fn title(&self) -> String {
        format!("{} ({})", self.set.name, self.set.family)
    }

    /// A file's name, with the task set if a study has several.
    pub fn file(&self, name: &str, several: bool) -> String {
        if several { format!("{name}_{}_{}", self.set.name, self.set.family) } else { name.to_owned() }
    }

    /// The cell of this training and runtime, if it was run.
    pub fn cell(&self, train: &str, runtime: InterpreterState) -> Option<&Measured<'a>> {
        self.cells.iter().find(|cell| (cell.train, cell.runtime) == (train, runtime))
    }

    /// Whether some of its token counts are estimates.
    pub fn estimated(&self) -> bool {
        self.cells.iter().any(|cell| cell.estimated)
    }

    /// The mark before its token counts.
    pub fn mark(&self) -> &'static str {
        if self.estimated() { "~" } else { "" }
    }

    /// All seeds, in order.
    pub fn seeds(&self) -> Vec<u64> {
        let seeds: BTreeSet<u64> =
            self.cells.iter().flat_map(|cell| &cell.seeds).map(|(seed, _)| *seed).collect();
        seeds.into_iter().collect()
    }

    /// The largest number of tasks of a cell under a seed.
    pub fn tasks(&self) -> usize {
        self.cells.iter().flat_map(|cell| &cell.seeds).map(|(_, rows)| rows.len()).max().unwrap_or(0)
    }
}

/// The runs of the four cells under the seeds that all of them have; none if there is no such seed.
fn runs(
    set: &TaskSet,
    results: &[&CellResults],
    unpaired: &mut Vec<String>,
) -> Option<(Vec<Run>, BTreeSet<u64>)> {
    let of_cell = |cell: two_by_two::cell::Cell| {
        let wanted = (cell.train.name(), cell.runtime);
        results.iter().filter(move |results| (results.cell.train.as_str(), results.cell.runtime) == wanted)
    };
    let seeds_of = |cell| of_cell(cell).map(|results| results.cell.seed).collect::<BTreeSet<u64>>();
    let all: Vec<BTreeSet<u64>> = two_by_two::cell::Cell::ALL.map(seeds_of).into();
    let seeds = all.iter().skip(1).fold(all[0].clone(), |common, seeds| &common & seeds);
    if seeds.is_empty() {
        return None;
    }
    for (cell, missing) in
        two_by_two::cell::Cell::ALL.iter().zip(all.iter().map(|seeds_of| seeds_of - &seeds))
    {
        for seed in missing {
            let label = label(cell.train.name(), cell.runtime);
            unpaired.push(format!("seed {seed} of {label}, which is not in all four cells"));
        }
    }
    let mut runs = Vec::new();
    for cell in two_by_two::cell::Cell::ALL {
        for seed in &seeds {
            let results = of_cell(cell).find(|results| results.cell.seed == *seed)?;
            let rows = results.episodes.iter().filter(|row| set.tasks.contains_key(&row.task_id));
            let observations = rows.map(|row| {
                ((set.family.clone(), row.task_id.clone()), row.observation(results.tokens_estimated))
            });
            runs.push(Run {
                cell,
                path: results.cell.run.clone(),
                versions: results.versions.clone(),
                observations: observations.collect(),
            });
        }
    }
    Some((runs, seeds))
}
