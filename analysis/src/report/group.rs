//! The cells of a task set, measured and compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::file::{CellResults, Results, TaskSet};
use crate::results::row::Row;
use crate::stats::describe::{mean, median};
use crate::two_by_two;
use crate::two_by_two::design::{Design, Run, Selection};
use crate::two_by_two::outcome::Outcome;
use crate::two_by_two::report::Options;

/// The cells of one family of a task set.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Its tasks.
    pub set: &'a TaskSet,
    /// The four cells first, in their order, then the base model, then others; those that were run.
    pub cells: Vec<Measured<'a>>,
    /// The four cells compared; none if they were not all run.
    pub compared: Option<two_by_two::report::Report>,
    /// Episodes that failed, were not evaluated, or could not be read, by cell's name and seed.
    pub left_out: Vec<String>,
    /// Tasks and seeds that no table has, because they are not in all four cells; in words.
    pub unpaired: Vec<String>,
}

/// A cell, over its seeds.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// The adapter's name.
    pub train: &'a str,
    /// The interpreter's state.
    pub runtime: &'a str,
    /// Some of its token counts are estimates.
    pub estimated: bool,
    /// A seed's episodes, in order of seed.
    pub seeds: Vec<(u64, Vec<&'a Row>)>,
}

/// Measures and compares the cells of every task set.
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
            self.cells.iter_mut().find(|known| (known.train, known.runtime) == (&cell.train, &cell.runtime));
        match known {
            Some(known) => {
                known.seeds.push((cell.seed, rows));
                known.seeds.sort_by_key(|(seed, _)| *seed);
                known.estimated |= results.tokens_estimated;
            }
            None => self.cells.push(Measured {
                train: &cell.train,
                runtime: &cell.runtime,
                estimated: results.tokens_estimated,
                seeds: vec![(cell.seed, rows)],
            }),
        }
        if results.left_out > 0 {
            let label = label(&cell.train, &cell.runtime);
            self.left_out.push(format!("{} of {label}, seed {}", results.left_out, cell.seed));
        }
    }

    /// Keeps what is paired, so that every table is of the same episodes.
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

    /// The task set's name, and the family where that says more.
    pub fn title(&self) -> String {
        format!("{} ({})", self.set.name, self.set.family)
    }

    /// A file's name, which tells the task set where a study has several.
    pub fn file(&self, name: &str, several: bool) -> String {
        if several { format!("{name}_{}_{}", self.set.name, self.set.family) } else { name.to_owned() }
    }

    /// A cell.
    pub fn cell(&self, train: &str, runtime: &str) -> Option<&Measured<'a>> {
        self.cells.iter().find(|cell| (cell.train, cell.runtime) == (train, runtime))
    }

    /// Some of its token counts are estimates.
    pub fn estimated(&self) -> bool {
        self.cells.iter().any(|cell| cell.estimated)
    }

    /// What stands before its token counts.
    pub fn mark(&self) -> &'static str {
        if self.estimated() { "~" } else { "" }
    }

    /// Its seeds.
    pub fn seeds(&self) -> Vec<u64> {
        let seeds: BTreeSet<u64> =
            self.cells.iter().flat_map(|cell| &cell.seeds).map(|(seed, _)| *seed).collect();
        seeds.into_iter().collect()
    }

    /// Tasks that a cell has at most.
    pub fn tasks(&self) -> usize {
        self.cells.iter().flat_map(|cell| &cell.seeds).map(|(_, rows)| rows.len()).max().unwrap_or(0)
    }
}

/// The runs of the four cells under the seeds that all of them have; none if a cell has none.
fn runs(
    set: &TaskSet,
    results: &[&CellResults],
    unpaired: &mut Vec<String>,
) -> Option<(Vec<Run>, BTreeSet<u64>)> {
    let of_cell = |cell: two_by_two::cell::Cell| {
        let names = (cell.train.name(), cell.runtime.name());
        results
            .iter()
            .filter(move |results| (results.cell.train.as_str(), results.cell.runtime.as_str()) == names)
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
            let label = label(cell.train.name(), cell.runtime.name());
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

/// A cell's name.
pub fn label(train: &str, runtime: &str) -> String {
    format!("{train} → {runtime}")
}

impl<'a> Measured<'a> {
    /// Its name.
    pub fn label(&self) -> String {
        label(self.train, self.runtime)
    }

    /// Its colour's name.
    pub fn colour(&self) -> &'static str {
        match (self.train, self.runtime) {
            ("persistent", "persistent") => "pp",
            ("persistent", _) => "pr",
            ("reset", "persistent") => "rp",
            ("reset", _) => "rr",
            (proto::study::Cell::BASE, _) => "base",
            _ => "other",
        }
    }

    fn rank(&self) -> (usize, &'a str, &'a str) {
        let order = ["persistent", "reset", proto::study::Cell::BASE];
        let rank = order.iter().position(|train| *train == self.train).unwrap_or(order.len());
        (rank, self.train, self.runtime)
    }

    /// All its episodes.
    pub fn rows(&self) -> impl Iterator<Item = &'a Row> + '_ {
        self.seeds.iter().flat_map(|(_, rows)| rows.iter().copied())
    }

    /// How many there are.
    pub fn episodes(&self) -> usize {
        self.rows().count()
    }

    /// An outcome by task, then seed; only of these seeds. None if an episode lacks it.
    pub fn by_task(&self, outcome: Outcome, seeds: &[u64]) -> Option<BTreeMap<&'a str, Vec<f64>>> {
        let mut by_task: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (_, rows) in self.seeds.iter().filter(|(seed, _)| seeds.contains(seed)) {
            for row in rows {
                let value = outcome.value(&row.observation(self.estimated))?;
                by_task.entry(&row.task_id).or_default().push(value);
            }
        }
        Some(by_task)
    }

    /// An outcome of all episodes, by task, then seed.
    pub fn values(&self, outcome: Outcome) -> Option<Vec<Vec<f64>>> {
        let seeds: Vec<u64> = self.seeds.iter().map(|(seed, _)| *seed).collect();
        Some(self.by_task(outcome, &seeds)?.into_values().collect())
    }
}

/// The mean over rows; none if one lacks the value.
pub fn mean_of<'r>(rows: impl Iterator<Item = &'r Row>, value: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
    mean(&rows.map(value).collect::<Option<Vec<_>>>()?)
}

/// The median over rows; none if one lacks the value.
pub fn median_of<'r>(
    rows: impl Iterator<Item = &'r Row>,
    value: impl Fn(&Row) -> Option<f64>,
) -> Option<f64> {
    median(&rows.map(value).collect::<Option<Vec<_>>>()?)
}
