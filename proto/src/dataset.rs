//! `dataset.json`: what a folder of samples was made from.
//!
//! `trainer prepare` writes it; `trainer train` and `study` read it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The value of [`Record::schema_version`].
pub const SCHEMA_VERSION: &str = "runtime_gym.dataset.v1";

/// The file of a [`Record`].
pub const RECORD: &str = "dataset.json";

/// What a folder of samples was made from, and what became of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// Version of the trainer that made it.
    pub trainer: String,
    /// The trainer's git commit; empty if unknown.
    pub trainer_commit: String,
    /// What it was made from, and how.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// What became of the sources.
    pub statistics: Statistics,
    /// SHA-256 of the samples' file.
    pub samples_sha256: String,
}

/// What samples were made from, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Provenance {
    /// The model folder whose tokenizer and chat template were used.
    pub model: PathBuf,
    /// SHA-256 of its `tokenizer.json`.
    pub tokenizer_sha256: String,
    /// SHA-256 of the chat template's text.
    pub template_sha256: String,
    /// Most tokens of a sample.
    pub sequence_len: usize,
    /// Handed to the chat template as `enable_thinking`; null: as each trace's agent did, undefined for others.
    pub enable_thinking: Option<bool>,
    /// Most items taken from all sources together; null: all.
    pub limit: Option<usize>,
    /// Whether items that could not be understood were skipped.
    pub skip_bad: bool,
    /// Which traces were taken, and how they became conversations.
    pub traces: TraceOptions,
    /// What was read, in order.
    pub sources: Vec<Source>,
}

/// Which traces are taken, and how they become conversations.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TraceOptions {
    /// How observations are written; null: as suits each trace.
    pub observations: Option<Observations>,
    /// Only episodes whose result says that the task was solved.
    pub only_solved: bool,
    /// Only episodes whose score, from 0 to 1, is at least this.
    pub min_score: Option<f64>,
}

/// How the environment's answers are written into a conversation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Observations {
    /// As this repository's agent showed them to the model, in the format of its config; one message for each system
    /// prompt. The conversation is then the one that the agent kept and sent, without the names in a persistent
    /// interpreter, which it adds to the end of each request and does not keep.
    Agent,
    /// As the paper trains: `{"error": ..}` if there was an error, otherwise `{"output": ..}`, otherwise nothing; all
    /// system prompts in one message.
    Paper,
}

/// A source of samples.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it is.
    pub kind: SourceKind,
    /// Where it was.
    pub path: PathBuf,
    /// Number of conversations or documents taken from it.
    pub items: usize,
    /// SHA-256: of a file's bytes; of the names and bytes of the traces and results in a folder.
    pub sha256: String,
}

/// What a source is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Traces of episodes.
    Traces,
    /// Conversations.
    Chat,
    /// Documents.
    Text,
}

/// What became of the sources.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Conversations and documents found; the sum of `kept`, `cut`, and all that is `dropped`.
    pub read: usize,
    /// Taken whole; a document that is longer than a sequence is taken in pieces.
    pub kept: usize,
    /// Taken without their last turns.
    pub cut: usize,
    /// Not taken, by reason.
    pub dropped: BTreeMap<String, usize>,
    /// Taken by the token ids that their traces recorded.
    #[serde(default)]
    pub recorded: usize,
    /// Answers that were cut off.
    pub answers_cut: usize,
    /// Number of samples.
    pub samples: usize,
    /// Tokens of all samples.
    pub tokens: usize,
    /// Of these, tokens that bear loss.
    pub target_tokens: usize,
    /// Tokens per sample.
    pub lengths: Lengths,
    /// What packing would make of the samples.
    pub packing: Packing,
}

/// Tokens per sample: the least, the most, and percentiles (nearest rank).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the names say it
pub struct Lengths {
    pub min: usize,
    pub p25: usize,
    pub p50: usize,
    pub p75: usize,
    pub p90: usize,
    pub p99: usize,
    pub max: usize,
}

/// What packing would make of the samples: an estimate, since training packs again in every epoch.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Packing {
    /// Number of sequences.
    pub sequences: usize,
    /// The filled share of the sequences, 0 to 1.
    pub fill: f64,
}
