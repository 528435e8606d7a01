//! Collects the results of a study's folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use files::digest;
use proto::study::{self, Cell, Study};
use serde_json::Value;

use super::cell::{CellResults, TaskSet, is_another};
use super::curve::Curve;
use super::example::{self, Example, Played};
use super::file::{FORMAT, Results};
use super::row::Row;
use crate::episode::Episode;
use crate::{load, two_by_two};

/// The manifest's file.
const MANIFEST: &str = "study.json";

/// Hexadecimal digits of a task's digest.
const DIGITS: usize = 16;

/// Digests of tasks by task set and family, then id.
type Tasks = BTreeMap<(String, String), BTreeMap<String, String>>;

/// Collects the results of a study's folder.
///
/// # Errors
/// If its manifest, a training run or an evaluation cannot be read; the message names file and field.
pub fn collect(folder: &Path, warnings: &mut Vec<String>) -> anyhow::Result<Results> {
    let manifest = folder.join(MANIFEST);
    let mut study = read_manifest(&manifest)?;
    let named = |what: String| format!("{}: {what}", manifest.display());
    ensure!(!study.cells.is_empty(), named("`cells` is empty; the study has not been evaluated yet".into()));
    let training = std::mem::take(&mut study.training);
    let training = training.iter().enumerate().map(|(index, training)| {
        let what = || named(format!("training[{index}].folder"));
        Curve::read(training, &folder.join(&training.folder)).with_context(what)
    });
    let training = training.collect::<anyhow::Result<Vec<Curve>>>()?;
    let mut tasks = Tasks::new();
    let listed = std::mem::take(&mut study.cells);
    let cells = listed.iter().enumerate().map(|(index, cell)| {
        let what = || named(format!("cells[{index}].run"));
        read_cell(cell, &folder.join(&cell.run), &mut tasks, warnings).with_context(what)
    });
    let cells = cells.collect::<anyhow::Result<Vec<CellResults>>>()?;
    let task_sets = tasks.into_iter().map(|((name, family), tasks)| TaskSet { name, family, tasks });
    let mut results = Results {
        format: FORMAT.to_owned(),
        collected_by: format!("analysis {}", env!("CARGO_PKG_VERSION")),
        study,
        turn_letters: Results::letters(),
        task_sets: task_sets.collect(),
        training,
        cells,
        examples: Vec::new(),
    };
    results.validate().with_context(|| manifest.display().to_string())?;
    results.examples = examples(&results, folder)?;
    Ok(results)
}

fn read_manifest(path: &Path) -> anyhow::Result<Study> {
    let value: Value =
        files::read_json(path).context("give the folder of a study, or a file of `analysis collect`")?;
    ensure!(
        value["format"] == study::FORMAT,
        "{}: `format` is {}, expected \"{}\"",
        path.display(),
        value["format"],
        study::FORMAT
    );
    serde_path_to_error::deserialize(value).with_context(|| format!("{}: not a study", path.display()))
}

fn read_cell(
    cell: &Cell,
    run: &Path,
    tasks: &mut Tasks,
    warnings: &mut Vec<String>,
) -> anyhow::Result<CellResults> {
    let condition = load::only_condition(run)?;
    let mut results = CellResults {
        cell: cell.clone(),
        versions: Vec::new(),
        tokens_estimated: false,
        left_out: 0,
        episodes: Vec::new(),
    };
    let taken = condition.map_episodes(warnings, |episode| take(&mut results, tasks, episode));
    taken.into_iter().collect::<anyhow::Result<()>>()?;
    ensure!(!results.episodes.is_empty(), "{}: none of its episodes has an evaluation", run.display());
    results.left_out = condition.episodes() - results.episodes.len();
    results.episodes.sort_by(|a, b| a.task_id.cmp(&b.task_id));
    Ok(results)
}

/// Adds an episode, if it has an evaluation.
fn take(results: &mut CellResults, tasks: &mut Tasks, episode: &Episode) -> anyhow::Result<()> {
    let Some(row) = Row::of(episode) else { return Ok(()) };
    let cell = &results.cell;
    episode.must_have_run_in(cell.runtime)?;
    if let Some(provenance) = episode.provenance()
        && !results.versions.contains(&provenance.versions)
    {
        results.versions.push(provenance.versions.clone());
    }
    results.tokens_estimated |= episode.tokens().is_some_and(|tokens| tokens.estimated);
    let set = tasks.entry((cell.tasks.clone(), episode.family.clone())).or_default();
    let known = set.entry(row.task_id.clone()).or_default();
    if let Some(digest) = task_digest(episode) {
        ensure!(!is_another(known, &digest), "task {} is another one than in the cells before", row.task_id);
        *known = digest;
    }
    results.episodes.push(row);
    Ok(())
}

/// A digest of a task's data and text, which tells it from other tasks of the same id. None without a trace.
fn task_digest(episode: &Episode) -> Option<String> {
    let trace = episode.trace.as_ref()?;
    let data = trace.provenance.as_ref().map_or("", |provenance| &provenance.task_sha256);
    Some(digest::bytes(format!("{data}\n{}", trace.summary.task))[..DIGITS].to_owned())
}

/// One task of each task set that has the four cells, under the first seed.
fn examples(results: &Results, folder: &Path) -> anyhow::Result<Vec<Example>> {
    let mut examples = Vec::new();
    let mut sets: Vec<&str> = results.task_sets.iter().map(|set| set.name.as_str()).collect();
    sets.dedup();
    for set in sets {
        let Some(seed) = results.cells.iter().map(|results| results.cell.seed).min() else { continue };
        let four = two_by_two::cell::Cell::ALL.iter().filter_map(|wanted| {
            results.cells.iter().find(|CellResults { cell, .. }| {
                (cell.seed, cell.tasks.as_str()) == (seed, set)
                    && (cell.train.as_str(), cell.runtime) == (wanted.train.name(), wanted.runtime)
            })
        });
        let four: Vec<&CellResults> = four.collect();
        if four.len() < two_by_two::cell::Cell::ALL.len() {
            continue;
        }
        let Some(task_id) = example::choose(&four) else { continue };
        let mut example =
            Example { tasks: set.to_owned(), task_id, seed, task: String::new(), episodes: Vec::new() };
        for CellResults { cell, .. } in four {
            add(&mut example, cell, folder.join(&cell.run))?;
        }
        examples.push(example);
    }
    Ok(examples)
}

/// Adds the example's episode of a cell.
fn add(example: &mut Example, cell: &Cell, run: PathBuf) -> anyhow::Result<()> {
    // Files that cannot be read have a warning already, from when the rows were made.
    let episodes = load::only_condition(&run)?.map_episodes(&mut Vec::new(), |episode| {
        (episode.task_id == example.task_id).then(|| episode.clone())
    });
    for episode in episodes.into_iter().flatten() {
        if let Some(trace) = &episode.trace {
            example.task.clone_from(&trace.summary.task);
        }
        example.episodes.extend(Played::of(&episode, &cell.train, cell.runtime));
    }
    Ok(())
}
