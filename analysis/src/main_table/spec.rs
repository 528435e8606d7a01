//! The spec file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use fields::{Collector, Fields, FromJson, Place, Problem, Problems};
use proto::interpreter_state::InterpreterState;
use serde_json::Value;

use crate::state_title;

/// A spec file.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The table's caption, as LaTeX.
    pub caption: String,
    /// The table's LaTeX label.
    pub label: String,
    /// The unit of scores.
    pub score_scale: ScoreScale,
    /// How solved tasks are shown.
    pub solved_format: SolvedFormat,
    /// The table's cells, in any order; each is a row.
    pub cells: Vec<CellSpec>,
    /// The path of the spec file; not a key of it.
    pub file: PathBuf,
    /// The folder that its paths are relative to, that of the file; not a key of it.
    pub folder: PathBuf,
}

impl FromJson for Spec {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let caption = fields.or("caption", default_caption());
        let label = fields.or("label", "tab:main_results".to_owned());
        let score_scale = fields.or_default("score_scale");
        let solved_format = fields.or_default("solved_format");
        let cells = fields.required("cells");
        fields.refuse_unknown();
        Some(Self {
            caption: caption?,
            label: label?,
            score_scale: score_scale?,
            solved_format: solved_format?,
            cells: cells?,
            file: PathBuf::new(),
            folder: PathBuf::new(),
        })
    }
}

/// Where the numbers of one cell come from.
#[derive(Clone, Debug)]
pub struct CellSpec {
    /// The tasks.
    pub difficulty: Difficulty,
    /// The interpreter state in the training traces.
    pub train: InterpreterState,
    /// The interpreter state at evaluation.
    pub runtime: InterpreterState,
    /// The summary's file.
    pub path: PathBuf,
    /// A folder of the episodes' results, for an interval.
    pub metrics_path: Option<PathBuf>,
    /// A score instead of the summary's, in the same unit.
    pub score_override: Option<f64>,
}

impl FromJson for CellSpec {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let difficulty = fields.required("difficulty");
        let train = fields.required_as("train", state_title::read);
        let runtime = fields.required_as("runtime", state_title::read);
        let path = fields.required("path");
        let metrics_path = fields.or_default("metrics_path");
        let score_override = fields.or_default("score_override");
        fields.refuse_unknown();
        Some(Self {
            difficulty: difficulty?,
            train: train?,
            runtime: runtime?,
            path: path?,
            metrics_path: metrics_path?,
            score_override: score_override?,
        })
    }
}

/// How hard the tasks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difficulty {
    /// As in training.
    Easy,
    /// Harder than in training.
    Medium,
}

fields::words! { Difficulty { "Easy" => Easy, "Medium" => Medium } }

/// The unit of scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScoreScale {
    /// Scores up to 1.5 are fractions, others are percent.
    #[default]
    Auto,
    /// A score of 1 is 100 %.
    Fraction,
    /// A score of 1 is 1 %.
    Percent,
}

fields::words! { ScoreScale { "auto" => Auto, "fraction" => Fraction, "percent" => Percent } }

impl ScoreScale {
    /// The factor that turns scores into percent, given the largest of them.
    pub fn factor(self, largest: f64) -> f64 {
        match self {
            Self::Fraction => 100.0,
            Self::Percent => 1.0,
            Self::Auto if largest <= 1.5 => 100.0,
            Self::Auto => 1.0,
        }
    }
}

/// How solved tasks are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SolvedFormat {
    /// Their number.
    #[default]
    Count,
    /// Percent of the tasks executed.
    Percent,
}

fields::words! { SolvedFormat { "count" => Count, "percent" => Percent } }

/// A cell's place in the table, in the order of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The group of rows.
    pub difficulty: Difficulty,
    /// The first part of the row's name.
    pub train: InterpreterState,
    /// The second part of the row's name.
    pub runtime: InterpreterState,
}

impl Position {
    /// The positions of a whole table, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        let states = InterpreterState::ALL;
        [Difficulty::Easy, Difficulty::Medium].into_iter().flat_map(move |difficulty| {
            states.into_iter().flat_map(move |train| {
                states.into_iter().map(move |runtime| Self { difficulty, train, runtime })
            })
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (train, runtime) = (state_title::title(self.train), state_title::title(self.runtime));
        write!(f, "{:?}, trained {train}, run {runtime}", self.difficulty)
    }
}

impl CellSpec {
    /// The cell's place in the table.
    pub fn position(&self) -> Position {
        Position { difficulty: self.difficulty, train: self.train, runtime: self.runtime }
    }
}

impl Spec {
    /// Reads and checks a spec file.
    ///
    /// # Errors
    /// If the file can't be read; otherwise every problem in it, one line each, with the file and the key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let document: Value = files::read_json(path)?;
        let collector = Collector::default();
        let spec = {
            let root = collector.root();
            Self::from_json(&document, &root).inspect(|spec| spec.check(&root))
        };
        let spec = collector.finish(spec).map_err(|problems| anyhow!("{}", lines(path, &problems)))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { file: path.to_owned(), folder, ..spec })
    }

    fn check(&self, root: &Place<'_>) {
        root.require(!self.cells.is_empty(), || "cells is empty; the table needs at least one".to_owned());
        let mut seen = BTreeMap::new();
        for (index, cell) in self.cells.iter().enumerate() {
            if let Some(first) = seen.insert(cell.position(), index) {
                root.fail::<()>(format!("cells[{index}] and cells[{first}] are both {}", cell.position()));
            }
        }
    }

    /// A path of the spec, which is relative to its folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// One line a problem, each with the file.
fn lines(path: &Path, problems: &Problems) -> String {
    let line = |problem: &Problem| match problem.path.as_str() {
        "" => format!("{}: {}", path.display(), problem.rule),
        _ => format!("{}: {problem}", path.display()),
    };
    problems.0.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn default_caption() -> String {
    "Quality and cost by difficulty, interpreter state in training, and interpreter state at run time. \
     Scores are mean percentages of the optimum; $\\pm$ is half the width of the 95\\,\\% bootstrap interval."
        .to_owned()
}
