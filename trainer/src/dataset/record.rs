//! What a dataset's folder says of where its samples came from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{RECORD, SAMPLES};
use crate::corpus::{Source, TraceOptions};
use crate::prepare::Statistics;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, digest, json};

const SCHEMA: &str = "runtime_gym.dataset.v1";

/// `dataset.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `runtime_gym.dataset.v1`.
    pub schema_version: String,
    /// Version of the trainer that made it.
    pub trainer: String,
    /// Its git commit; empty if unknown.
    pub trainer_commit: String,
    /// What it was made of, and how.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// What became of it.
    pub statistics: Statistics,
    /// SHA-256 of the samples' file.
    pub samples_sha256: String,
}

/// What samples were made of, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Provenance {
    /// The folder of tokenizer and chat template.
    pub model: PathBuf,
    /// SHA-256 of its `tokenizer.json`.
    pub tokenizer_sha256: String,
    /// SHA-256 of the chat template's text.
    pub template_sha256: String,
    /// Most tokens of a sample.
    pub sequence_len: usize,
    /// Handed to the chat template as `enable_thinking`; null: undefined there.
    pub enable_thinking: Option<bool>,
    /// Most items taken of the sources together; null: all.
    pub limit: Option<usize>,
    /// Whether what could not be understood was skipped.
    pub skip_bad: bool,
    /// What traces were taken, and how they became conversations.
    pub traces: TraceOptions,
    /// What was read, in order.
    pub sources: Vec<Source>,
}

impl Record {
    /// The record of samples that have just been written into a folder.
    pub fn new(folder: &Path, provenance: Provenance, statistics: Statistics) -> Result<Self> {
        Ok(Self {
            schema_version: SCHEMA.to_owned(),
            trainer: crate::VERSION.to_owned(),
            trainer_commit: crate::COMMIT.to_owned(),
            provenance,
            statistics,
            samples_sha256: digest::file(&folder.join(SAMPLES))?,
        })
    }

    /// Reads a dataset's record.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(RECORD);
        let text = std::fs::read(&path).map_err(|reason| match reason.kind() {
            std::io::ErrorKind::NotFound => super::unfinished(folder),
            _ => Error::File { path: path.clone(), reason },
        })?;
        let record: Self =
            serde_json::from_slice(&text).map_err(|reason| Error::Json { path: path.clone(), reason })?;
        match record.schema_version == SCHEMA {
            true => Ok(record),
            false => Err(Error::key(path, "schema_version", format!("is not {SCHEMA:?}"))),
        }
    }

    /// Writes it beside its samples.
    pub fn write(&self, folder: &Path) -> Result<()> {
        json::write(&folder.join(RECORD), self)
    }

    /// Refuses a model whose tokenizer is not the one that made the samples: its ids would mean other texts.
    pub fn check_tokenizer(&self, folder: &Path, tokenizer: &Tokenizer) -> Result<()> {
        if tokenizer.sha256()? == self.provenance.tokenizer_sha256 {
            return Ok(());
        }
        let problem =
            format!("is of the tokenizer of {}, not of this model's", self.provenance.model.display());
        Err(Error::key(folder.join(RECORD), "tokenizer_sha256", problem))
    }
}
