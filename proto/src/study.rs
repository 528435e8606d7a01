//! `study.json`: what a study ran, and where its parts lie.
//!
//! The program that runs a study writes it; `analysis report` reads it. Paths
//! are relative to the file's own folder.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::interpreter_state::InterpreterState;

/// The value of [`Study::format`] that this version reads and writes.
pub const FORMAT: &str = "runtime_gym.study.v1";

/// A study, or one of its ablations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// [`FORMAT`].
    pub format: String,
    /// Its name, such as `small`; also its folder's.
    pub name: String,
    /// What it is, in a few words; names its row in a report of several.
    pub title: String,
    /// The experiment file, with what it extends and its defaults filled in.
    pub experiment: Value,
    /// The git commit of the programs; empty if unknown.
    pub commit: String,
    /// Where it ran.
    pub machine: Machine,
    /// What ran.
    pub programs: Vec<Program>,
    /// When the last run of it began (RFC 3339).
    pub started_at: String,
    /// When it ended (RFC 3339).
    pub finished_at: String,
    /// Every stage, in the order in which they ran.
    pub stages: Vec<Stage>,
    /// Every training run, in order.
    pub training: Vec<Training>,
    /// Every run of evaluation episodes.
    pub cells: Vec<Cell>,
}

/// A machine, as far as it explains durations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Its logical cores.
    pub cores: usize,
    /// Main memory.
    pub memory_bytes: u64,
    /// The operating system.
    pub system: String,
}

/// A program that took part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, such as `trainer`.
    pub name: String,
    /// What `--version` says.
    pub version: String,
    /// SHA-256 of the executable.
    pub sha256: String,
}

/// One stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name, unique in the study, such as `seed1/base/spans`.
    pub name: String,
    /// What it does: `tasks`, `traces`, `drills`, `init`, `prepare`, `train`, `merge`, `evaluate`, ...
    pub kind: String,
    /// How long it took when it ran, in seconds.
    pub seconds: f64,
    /// Nothing ran this time: its inputs and settings had not changed.
    pub reused: bool,
    /// What it made.
    pub folder: PathBuf,
    /// SHA-256 over its settings and its inputs' keys.
    pub key: String,
}

/// One training run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Training {
    /// The repeat's seed.
    pub seed: u64,
    /// What is trained: [`Cell::BASE`], or the adapter's name as [`Cell::train`] has it.
    pub model: String,
    /// The phase's name, such as `spans`; empty where there is only one.
    pub phase: String,
    /// The folder that `trainer train` wrote.
    pub folder: PathBuf,
}

/// One run of evaluation episodes: a model in a runtime on a task set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The repeat's seed.
    pub seed: u64,
    /// The adapter: `persistent` or `reset` (the interpreter of its training
    /// traces), another name such as `mixed-50`, or [`Cell::BASE`].
    pub train: String,
    /// The interpreter's state in these episodes.
    pub runtime: InterpreterState,
    /// The evaluation's task set, such as `held-out`.
    pub tasks: String,
    /// The run folder that `agent run` wrote.
    pub run: PathBuf,
}

impl Cell {
    /// The model without an adapter.
    pub const BASE: &'static str = "base";
}
