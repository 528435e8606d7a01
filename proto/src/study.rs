//! `study.json`: what a study ran, and where its parts are.
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
    /// Its name, such as `small`; also the name of its folder.
    pub name: String,
    /// A short description; the name of its row in a report of several studies.
    pub title: String,
    /// The experiment file, merged with what it extends, with all defaults.
    pub experiment: Value,
    /// The git commit of the programs; empty if unknown.
    pub commit: String,
    /// The machine that it ran on.
    pub machine: Machine,
    /// The programs that ran.
    pub programs: Vec<Program>,
    /// When its last run began (RFC 3339).
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

/// A machine: what explains durations.
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

/// A program that ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, such as `trainer`.
    pub name: String,
    /// The output of `--version`.
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
    /// Duration of the run that made it, in seconds.
    pub seconds: f64,
    /// Whether an earlier result was reused, because inputs and settings had not changed.
    pub reused: bool,
    /// The folder that it made.
    pub folder: PathBuf,
    /// SHA-256 over its settings and its inputs' keys.
    pub key: String,
}

/// One training run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Training {
    /// The repeat's seed.
    pub seed: u64,
    /// What is trained: [`Cell::BASE`], or an adapter's name, as in [`Cell::train`].
    pub model: String,
    /// The phase's name, such as `spans`; empty if there is only one phase.
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
