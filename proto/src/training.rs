//! `training.json` and `metrics.jsonl`: what a training came from, how far it is, and what it measured.
//!
//! `trainer train` writes both into the folder of a result, and `training.json` into every checkpoint. `analysis`
//! reads them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The value of [`Record::schema_version`].
pub const SCHEMA_VERSION: &str = "runtime_gym.training.v1";

/// The file of a [`Record`].
pub const RECORD: &str = "training.json";

/// The file of [`Line`]s: JSON lines.
pub const METRICS: &str = "metrics.jsonl";

/// Where a training comes from and how far it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Record {
    /// [`SCHEMA_VERSION`]; absent from files that were written before it was introduced.
    #[serde(default = "schema_version")]
    pub schema_version: String,
    /// The program and its version.
    pub program: String,
    /// The commit that the program was built from, with `-dirty` where files differed; empty if unknown.
    pub git_commit: String,
    /// The libraries that compute.
    pub libraries: String,
    /// The training config (Axolotl's keys), with its defaults.
    pub config: Map<String, Value>,
    /// The model that it started from.
    pub base_model: Input,
    /// The datasets, in the config's order.
    pub datasets: Vec<Input>,
    /// Number of samples to learn, and of samples held out for evaluation.
    pub samples: [usize; 2],
    /// `cpu` or `cuda`.
    pub device: String,
    /// `float32` or `bfloat16`.
    pub compute: String,
    /// Threads on a CPU.
    pub threads: i32,
    /// Number of trained parameters.
    pub trained_parameters: usize,
    /// Steps of the whole training.
    pub steps: u64,
    /// How far it is.
    pub position: Position,
    /// When the last start of it began (RFC 3339).
    pub started_at: String,
    /// When this file was written (RFC 3339).
    pub written_at: String,
}

fn schema_version() -> String {
    SCHEMA_VERSION.to_owned()
}

/// A folder that a training reads.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Input {
    /// Where it was.
    pub path: PathBuf,
    /// SHA-256 of its safetensors files.
    pub sha256: String,
    /// For a dataset, its `dataset.json`; for a model, its `config.json`.
    pub record: Map<String, Value>,
}

/// How far a training is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Position {
    /// Steps done.
    pub step: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Of these, tokens that bear loss.
    pub target_tokens: u64,
    /// Seconds that the steps took, over all starts.
    pub seconds: f64,
    /// Loss of the last step, in nats a token.
    pub loss: Option<f64>,
    /// Loss of the last evaluation, in nats a token.
    pub eval_loss: Option<f64>,
}

/// A line of the metrics: of a step, or of an evaluation after it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Line {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: f64,
    /// Seconds since 1970.
    pub time: f64,
    /// What was measured.
    #[serde(flatten)]
    pub values: Values,
}

/// What a line of the metrics holds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Values {
    /// Of a step.
    Step {
        /// Mean over the step's tokens that bear loss, in nats.
        loss: f64,
        /// The step's learning rate.
        learning_rate: f64,
        /// L2 norm of the gradient before clipping.
        grad_norm: f64,
        /// Tokens seen since the beginning.
        tokens: u64,
        /// Since the line before, without the time of evaluations and checkpoints.
        tokens_per_second: f64,
        /// Main memory in use, in bytes.
        memory_bytes: Option<u64>,
    },
    /// Of an evaluation.
    Evaluation {
        /// Mean over the held-out tokens that bear loss, in nats.
        eval_loss: f64,
    },
}
