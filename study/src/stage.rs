//! A stage: one thing that is made, by one program, from its settings and from what other stages made.
//!
//! Its key is a hash of all that decides what comes out, so its folder's name is known before it runs, and studies
//! that need the same thing share it. `stage.json` is written last: a folder without one is unfinished.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::digest;
use crate::programs::{Program, Programs};

/// In each stage's folder.
const RECORD: &str = "stage.json";
/// The same, of a stage that was interrupted or failed.
const UNFINISHED: &str = "unfinished.json";
/// Everything that a stage's program said.
const LOG: &str = "log.txt";

/// What a stage does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Generates tasks.
    Tasks,
    /// Plays a teacher's episodes.
    Traces,
    /// Writes drills.
    Drills,
    /// Makes a tokenizer and random weights.
    Init,
    /// Turns traces or drills into samples.
    Prepare,
    /// Trains a model or an adapter.
    Train,
    /// Plays a model's episodes.
    Evaluate,
    /// Writes the report.
    Report,
}

impl Kind {
    /// As files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Traces => "traces",
            Self::Drills => "drills",
            Self::Init => "init",
            Self::Prepare => "prepare",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Report => "report",
        }
    }

    /// Whether its program goes on from what an interrupted one left in the same folder.
    pub fn goes_on(self) -> bool {
        matches!(self, Self::Tasks | Self::Traces | Self::Train | Self::Evaluate)
    }
}

/// Something that was made, as others use it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Made {
    /// The stage's name, or an outside path.
    pub name: String,
    /// What it is made from, or an outside path's content.
    pub key: String,
    /// Where it is.
    pub path: PathBuf,
}

/// How much there is to do, for estimates.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Work {
    /// How many.
    pub amount: u64,
    /// Of what, such as `tokens`.
    pub unit: String,
    /// Stages with the same words here, such as the model's size, are about as fast.
    pub like: String,
}

/// A server that a stage needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Server {
    /// `trainer serve` with these.
    pub arguments: Vec<String>,
    /// Where its log goes.
    pub log: PathBuf,
}

/// One of a study.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Unique in the study, and where a link to it is made in the study's folder; such as `seed1/base/spans`.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// All of its own that decides what comes out.
    pub settings: Value,
    /// What it is made from.
    pub inputs: Vec<Made>,
    /// SHA-256 over kind, settings and the inputs' keys.
    pub key: String,
    /// Where everything of it lies.
    pub folder: PathBuf,
    /// What it makes, in the folder.
    pub output: PathBuf,
    /// What is written for its program to read: names in the folder, and texts.
    pub files: Vec<(&'static str, String)>,
    /// Who makes it.
    pub program: Program,
    /// How it is called.
    pub arguments: Vec<String>,
    /// What has to run meanwhile.
    pub server: Option<Server>,
    /// How much there is to do.
    pub work: Option<Work>,
}

/// `stage.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Record {
    /// What it did.
    pub kind: Kind,
    /// Of all below and the inputs.
    pub key: String,
    /// All of its own that decided what came out.
    pub settings: Value,
    /// What it was made from.
    pub inputs: Vec<Made>,
    /// When the inputs that are stages were finished (RFC 3339), by key.
    #[serde(default)]
    pub inputs_finished_at: BTreeMap<String, String>,
    /// What it made, in the folder.
    pub output: PathBuf,
    /// The command line.
    pub command: Vec<String>,
    /// The programs, by name, version and digest.
    pub programs: Vec<proto::study::Program>,
    /// When it began (RFC 3339), the first time.
    pub started_at: String,
    /// When it ended.
    pub finished_at: String,
    /// How long it took, over all attempts.
    pub seconds: f64,
    /// How much was done.
    pub work: Option<Work>,
}

/// `unfinished.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Unfinished {
    /// When the first attempt began.
    pub started_at: String,
    /// How long the attempts took.
    pub seconds: f64,
}

impl Stage {
    /// What a stage of this kind, these settings and inputs is called everywhere.
    pub fn key(kind: Kind, settings: &Value, inputs: &[Made]) -> String {
        let inputs: Vec<&str> = inputs.iter().map(|input| input.key.as_str()).collect();
        digest::value(&json!({ "stage": 1, "kind": kind, "settings": settings, "inputs": inputs }))
    }

    /// The name of the folder of a key.
    pub fn folder_name(kind: Kind, key: &str) -> String {
        format!("{}-{}", kind.name(), &key[..12])
    }

    /// It, as others use it.
    pub fn made(&self) -> Made {
        Made { name: self.name.clone(), key: self.key.clone(), path: self.folder.join(&self.output) }
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// How it went, if it is done, and from the inputs that are there now: one that was made anew under the same key,
    /// by another build, may be another.
    pub fn done(&self, finished: &Finished) -> Option<Record> {
        let record: Record = files::read_json(&self.folder.join(RECORD)).ok()?;
        let there = self.folder.join(&self.output).exists();
        let same = |(key, at)| record.inputs_finished_at.get(key).is_none_or(|known| known == at);
        (record.key == self.key && there && finished.of(&self.inputs).iter().all(same)).then_some(record)
    }

    /// Whether an attempt left something to go on from.
    pub fn begun(&self) -> bool {
        self.kind.goes_on() && self.folder.join(UNFINISHED).exists()
    }

    /// What earlier attempts took.
    pub fn unfinished(&self) -> Option<Unfinished> {
        files::read_json(&self.folder.join(UNFINISHED)).ok()
    }

    /// Notes an attempt that came to no end.
    pub fn note_unfinished(&self, attempts: &Unfinished) -> Result<(), files::Error> {
        files::write_json(&self.folder.join(UNFINISHED), attempts)
    }

    /// Says that it is done.
    pub fn finish(
        &self,
        attempts: &Unfinished,
        programs: &Programs,
        finished: &Finished,
    ) -> anyhow::Result<Record> {
        let record = Record {
            kind: self.kind,
            key: self.key.clone(),
            settings: self.settings.clone(),
            inputs: self.inputs.clone(),
            inputs_finished_at: finished.of(&self.inputs),
            output: self.output.clone(),
            command: self.command_line(),
            programs: programs.records(self.kind),
            started_at: attempts.started_at.clone(),
            finished_at: jiff::Timestamp::now().to_string(),
            seconds: attempts.seconds,
            work: self.work.clone(),
        };
        files::write_json(&self.folder.join(RECORD), &record)?;
        let _ = std::fs::remove_file(self.folder.join(UNFINISHED));
        Ok(record)
    }

    fn command_line(&self) -> Vec<String> {
        [self.program.name().to_owned()].into_iter().chain(self.arguments.iter().cloned()).collect()
    }
}

/// When stages were finished (RFC 3339), by key.
#[derive(Debug, Default)]
pub struct Finished(BTreeMap<String, String>);

impl Finished {
    /// Notes one.
    pub fn add(&mut self, record: &Record) {
        self.0.insert(record.key.clone(), record.finished_at.clone());
    }

    fn of(&self, inputs: &[Made]) -> BTreeMap<String, String> {
        let at = |input: &Made| Some((input.key.clone(), self.0.get(&input.key)?.clone()));
        inputs.iter().filter_map(at).collect()
    }
}

/// Those of a plan's stages that are not done, or of which an input is not: with `fresh`, all.
pub fn open(stages: &[Stage], fresh: bool) -> Vec<&Stage> {
    let mut finished = Finished::default();
    let mut open: Vec<&Stage> = vec![];
    for stage in stages {
        let changes = |input: &Made| open.iter().any(|open| open.key == input.key);
        match stage.done(&finished) {
            Some(record) if !fresh && !stage.inputs.iter().any(changes) => finished.add(&record),
            _ => open.push(stage),
        }
    }
    open
}

/// Reads the records of all finished stages in a folder; for what they took.
pub fn records(stages: &Path) -> Vec<Record> {
    let Ok(entries) = stages.read_dir() else { return vec![] };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders.iter().filter_map(|folder| files::read_json(&folder.join(RECORD)).ok()).collect()
}
