//! The spec file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::interpreter_state::InterpreterState;

/// A spec file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The table's caption, as LaTeX.
    #[serde(default = "default_caption")]
    pub caption: String,
    /// Its label.
    #[serde(default = "default_label")]
    pub label: String,
    /// What scores mean.
    #[serde(default)]
    pub score_scale: ScoreScale,
    /// How solved tasks are shown.
    #[serde(default)]
    pub solved_format: SolvedFormat,
    /// The table's cells (a row each), in any order.
    pub cells: Vec<CellSpec>,
    /// The spec's own path.
    #[serde(skip)]
    pub file: PathBuf,
}

/// Where the numbers of one cell come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellSpec {
    /// Which tasks.
    pub difficulty: Difficulty,
    /// The interpreter state in the training traces.
    pub train: InterpreterState,
    /// The interpreter state at evaluation.
    pub runtime: InterpreterState,
    /// The summary's file.
    pub path: PathBuf,
    /// A folder of the episodes' results, for an interval.
    pub metrics_path: Option<PathBuf>,
    /// A score instead of the summary's, on the same scale.
    pub score_override: Option<f64>,
}

/// Which tasks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difficulty {
    /// As in training.
    Easy,
    /// Harder than in training.
    Medium,
}

/// What a score of 1 means.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ScoreScale {
    /// Scores up to 1.5 are fractions, others percent.
    #[default]
    Auto,
    /// 100 %.
    Fraction,
    /// 1 %.
    Percent,
}

impl ScoreScale {
    /// The factor to percent, for scores of which this is the largest.
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
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SolvedFormat {
    /// How many.
    #[default]
    Count,
    /// Percent of the tasks executed.
    Percent,
}

/// Where in the table a cell stands; sorts as the table does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The group of rows.
    pub difficulty: Difficulty,
    /// The first part of the row's name.
    pub train: InterpreterState,
    /// The second.
    pub runtime: InterpreterState,
}

impl Position {
    /// The positions of a whole table, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        let states = [InterpreterState::Persistent, InterpreterState::Reset];
        [Difficulty::Easy, Difficulty::Medium].into_iter().flat_map(move |difficulty| {
            states.into_iter().flat_map(move |train| {
                states.into_iter().map(move |runtime| Self { difficulty, train, runtime })
            })
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, trained {:?}, run {:?}", self.difficulty, self.train, self.runtime)
    }
}

impl CellSpec {
    /// Where the cell stands.
    pub fn position(&self) -> Position {
        Position { difficulty: self.difficulty, train: self.train, runtime: self.runtime }
    }
}

impl Spec {
    /// Reads and checks a spec file.
    ///
    /// # Errors
    /// Naming the file, the cell's index and the key.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = files::read_text(path)?;
        let mut json = serde_json::Deserializer::from_str(&text);
        let mut spec: Self =
            serde_path_to_error::deserialize(&mut json).with_context(|| path.display().to_string())?;
        json.end().with_context(|| path.display().to_string())?;
        spec.file = path.to_owned();
        if spec.cells.is_empty() {
            bail!("{}: cells is empty; the table needs at least one", path.display());
        }
        let mut seen = BTreeMap::new();
        for (index, cell) in spec.cells.iter().enumerate() {
            if let Some(first) = seen.insert(cell.position(), index) {
                bail!("{}: cells[{index}] and cells[{first}] are both {}", path.display(), cell.position());
            }
        }
        Ok(spec)
    }

    /// A path of the spec, which is relative to its file.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }
}

fn default_caption() -> String {
    "Quality and cost by difficulty, interpreter state in training, and interpreter state at run time. \
     Scores are mean percentages of the optimum; $\\pm$ is half the width of the 95\\,\\% bootstrap interval."
        .to_owned()
}

fn default_label() -> String {
    "tab:main_results".to_owned()
}
