//! What a stage's folder says of it: `stage.json` once it is finished, `unfinished.json` until then.
//!
//! `stage.json` is written last. A folder without it is unfinished: it is resumed if its program can resume,
//! and otherwise deleted and rebuilt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::Kind;
use crate::programs::Programs;
use crate::stage::{Artifact, Stage, Work};

/// The file of a [`Record`].
const RECORD: &str = "stage.json";
/// The file of [`Attempts`].
const UNFINISHED: &str = "unfinished.json";

/// `stage.json`: how a finished stage was made.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    /// What it did.
    pub kind: Kind,
    /// [`Stage::key`].
    pub key: String,
    /// [`Kind::rules`].
    pub rules: String,
    /// [`Stage::settings`].
    pub settings: Value,
    /// What it was made from.
    pub inputs: Vec<Artifact>,
    /// When the inputs that are stages were finished (RFC 3339), by key.
    #[serde(default)]
    pub inputs_finished_at: BTreeMap<String, String>,
    /// The output, relative to the folder.
    pub output: PathBuf,
    /// The command line.
    pub command: Vec<String>,
    /// The programs, by name, version and digest.
    pub programs: Vec<proto::study::Program>,
    /// When its first attempt began (RFC 3339).
    pub started_at: String,
    /// When it ended (RFC 3339).
    pub finished_at: String,
    /// Seconds that all attempts took together.
    pub seconds: f64,
    /// How much was done.
    pub work: Option<Work>,
}

/// `unfinished.json`: the attempts at a stage that is not finished.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Attempts {
    /// When the first attempt began (RFC 3339).
    pub started_at: String,
    /// Seconds that all attempts took together.
    pub seconds: f64,
}

impl Attempts {
    /// The first attempt, which begins now.
    pub fn first() -> Self {
        Self { started_at: jiff::Timestamp::now().to_string(), seconds: 0.0 }
    }

    /// The earlier attempts at a stage, if there were any.
    pub fn read(stage: &Stage) -> Option<Self> {
        files::read_json(&stage.folder.join(UNFINISHED)).ok()
    }

    /// Writes them to the stage's folder.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&self, stage: &Stage) -> Result<(), files::Error> {
        files::write_json(&stage.folder.join(UNFINISHED), self)
    }
}

/// Whether an earlier attempt left something that the stage's program can resume.
pub fn can_resume(stage: &Stage) -> bool {
    stage.kind.can_resume() && stage.folder.join(UNFINISHED).exists()
}

/// The stage's record, if it is finished and was made from the inputs as they are now: an input that was
/// rebuilt under the same key, by another build of its program, may differ.
pub fn finished(stage: &Stage, times: &FinishTimes) -> Option<Record> {
    let record: Record = files::read_json(&stage.folder.join(RECORD)).ok()?;
    let same = |(key, at)| record.inputs_finished_at.get(key).is_none_or(|known| known == at);
    let is_current =
        record.key == stage.key && stage.output_path().exists() && times.of(&stage.inputs).iter().all(same);
    is_current.then_some(record)
}

/// Writes the record of a stage that has just been made.
///
/// # Errors
/// If the file can't be written.
pub fn finish(
    stage: &Stage,
    attempts: &Attempts,
    programs: &Programs,
    times: &FinishTimes,
) -> anyhow::Result<Record> {
    let record = Record {
        kind: stage.kind,
        key: stage.key.clone(),
        rules: stage.kind.rules().to_owned(),
        settings: stage.settings.clone(),
        inputs: stage.inputs.clone(),
        inputs_finished_at: times.of(&stage.inputs),
        output: stage.output.clone(),
        command: stage.command_line(),
        programs: programs.records(stage.programs()),
        started_at: attempts.started_at.clone(),
        finished_at: jiff::Timestamp::now().to_string(),
        seconds: attempts.seconds,
        work: stage.work.clone(),
    };
    files::write_json(&stage.folder.join(RECORD), &record)?;
    let _ = std::fs::remove_file(stage.folder.join(UNFINISHED));
    Ok(record)
}

/// When stages were finished (RFC 3339), by key.
#[derive(Debug, Default)]
pub struct FinishTimes(BTreeMap<String, String>);

impl FinishTimes {
    /// Adds a finished stage.
    pub fn add(&mut self, record: &Record) {
        self.0.insert(record.key.clone(), record.finished_at.clone());
    }

    fn of(&self, inputs: &[Artifact]) -> BTreeMap<String, String> {
        let at = |input: &Artifact| Some((input.key.clone(), self.0.get(&input.key)?.clone()));
        inputs.iter().filter_map(at).collect()
    }
}

/// The stages of a plan that have to be made: they are not finished, or an input has to be made. With
/// `fresh`, all.
pub fn pending(stages: &[Stage], fresh: bool) -> Vec<&Stage> {
    let mut times = FinishTimes::default();
    let mut pending: Vec<&Stage> = vec![];
    for stage in stages {
        let changes = |input: &Artifact| pending.iter().any(|pending| pending.key == input.key);
        match finished(stage, &times) {
            Some(record) if !fresh && !stage.inputs.iter().any(changes) => times.add(&record),
            _ => pending.push(stage),
        }
    }
    pending
}

/// The records of all finished stages in the folder of stages, in order of their folders' names.
pub fn read_all(stages: &Path) -> Vec<Record> {
    let Ok(entries) = stages.read_dir() else { return vec![] };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders.iter().filter_map(|folder| files::read_json(&folder.join(RECORD)).ok()).collect()
}
