//! `dataset.json`, the record of a dataset: made, read, written and compared. Its declaration is
//! [`proto::dataset::Record`].

use std::path::Path;

use proto::dataset::{Provenance, RECORD, Record, SCHEMA_VERSION, Statistics};

use super::SAMPLES;
use crate::json::{self, Object};
use crate::tokenizer::TOKENIZER;
use crate::{Error, Result, digest};

/// The record of samples that have just been written into a folder.
///
/// # Errors
/// If the samples cannot be read for their hash.
pub fn new(folder: &Path, provenance: Provenance, statistics: Statistics) -> Result<Record> {
    Ok(Record {
        schema_version: SCHEMA_VERSION.to_owned(),
        trainer: crate::VERSION.to_owned(),
        trainer_commit: crate::COMMIT.to_owned(),
        provenance,
        statistics,
        samples_sha256: digest::file(&folder.join(SAMPLES))?,
    })
}

/// Reads the record of a dataset.
///
/// # Errors
/// If it is missing, malformed, or of another schema version.
pub fn read(folder: &Path) -> Result<Record> {
    let path = folder.join(RECORD);
    let text = std::fs::read(&path).map_err(|reason| match reason.kind() {
        std::io::ErrorKind::NotFound => super::unfinished(folder),
        _ => Error::File { path: path.clone(), reason },
    })?;
    let record: Record =
        serde_json::from_slice(&text).map_err(|reason| Error::Json { path: path.clone(), reason })?;
    match record.schema_version == SCHEMA_VERSION {
        true => Ok(record),
        false => Err(Error::key(path, "schema_version", format!("is not {SCHEMA_VERSION:?}"))),
    }
}

/// Writes the record next to its samples.
///
/// # Errors
/// If the file cannot be written.
pub fn write(record: &Record, folder: &Path) -> Result<()> {
    json::write(&folder.join(RECORD), record)
}

/// Refuses a dataset whose samples were made with another tokenizer than that of the `model` folder: the same
/// ids would mean other texts. A dataset that was not made by `trainer prepare` may leave the tokenizer's
/// hash out of its record; then nothing is compared, and neither is it for a model without a tokenizer.
///
/// # Errors
/// [`Error::Key`] if the hashes differ; otherwise if a file cannot be read.
pub fn check_tokenizer(folder: &Path, model: &Path) -> Result<()> {
    let record = Object::read(&folder.join(RECORD))?;
    let made_with: Option<String> = record.optional("tokenizer_sha256")?;
    let tokenizer = model.join(TOKENIZER);
    let Some(made_with) = made_with.filter(|_| tokenizer.exists()) else { return Ok(()) };
    if digest::file(&tokenizer)? == made_with {
        return Ok(());
    }
    let tokenizer = tokenizer.display();
    let problem = match record.optional::<String>("model")? {
        Some(other) => format!("is of the tokenizer of {other}, not that of {tokenizer}"),
        None => format!("is not that of {tokenizer}"),
    };
    Err(record.error("tokenizer_sha256", format!("{problem}; prepare the data with it")))
}
