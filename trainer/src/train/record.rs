//! `training.json`: what a result or a checkpoint came from, and how far it got.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tch::{Device, Kind};

use super::{Config, Failure};
use crate::json::{self, Object};
use crate::{Result, dataset, digest, model};

/// The file, in every folder that a training writes.
pub const RECORD: &str = "training.json";

/// Keys that say where and how often, not what is computed: they may change from one start to the next. What
/// `base_model` and `datasets` hold may not; their hashes tell.
const OPERATIONAL: [&str; 9] = [
    "base_model",
    "datasets",
    "output_dir",
    "gradient_checkpointing",
    "logging_steps",
    "eval_steps",
    "save_steps",
    "save_total_limit",
    "bnb_config_kwargs",
];

/// Where a training comes from and how far it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Record {
    /// This program and its version.
    pub program: String,
    /// The commit that it was built from, with `-dirty` where files differed; empty where that is unknown.
    pub git_commit: String,
    /// The libraries that compute.
    pub libraries: String,
    /// The whole config, defaults filled in.
    pub config: Config,
    /// The model it started from.
    pub base_model: Input,
    /// What it learns.
    pub datasets: Vec<Input>,
    /// Samples to learn, and kept back.
    pub samples: [usize; 2],
    /// `cpu` or `cuda`.
    pub device: String,
    /// `float32` or `bfloat16`.
    pub compute: String,
    /// Threads on a CPU.
    pub threads: i32,
    /// Numbers that are trained.
    pub trained_parameters: usize,
    /// All steps.
    pub steps: u64,
    /// How far it is.
    pub position: Position,
    /// When this start began.
    pub started_at: String,
    /// When this was written.
    pub written_at: String,
}

/// A folder that is read.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Input {
    /// Where it was.
    pub path: PathBuf,
    /// Of its safetensors files.
    pub sha256: String,
    /// Of a dataset, what `trainer prepare` says of it; of a model, its `config.json`.
    pub record: Map<String, Value>,
}

/// How far a training is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Position {
    /// Steps done.
    pub step: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Tokens learnt.
    pub target_tokens: u64,
    /// Seconds that the steps took, over all starts.
    pub seconds: f64,
    /// Of the last step.
    pub loss: Option<f64>,
    /// Of the last evaluation.
    pub eval_loss: Option<f64>,
}

impl Record {
    /// Of a training that begins; reads all inputs for their hashes.
    pub fn new(config: &Config, device: Device, compute: Kind, threads: i32) -> Result<Self> {
        let datasets = config.datasets.iter().map(|entry| {
            let sha256 = digest::file(&entry.path.join(dataset::SAMPLES))?;
            let record = Object::read(&entry.path.join(dataset::RECORD))?;
            let said: Option<String> = record.optional("samples_sha256")?;
            if said.is_some_and(|said| said != sha256) {
                let problem = format!("is not that of {}: prepare the data again", dataset::SAMPLES);
                return Err(record.error("samples_sha256", problem));
            }
            Ok(Input { path: entry.path.clone(), sha256, record: record.map })
        });
        let base_model = Input {
            path: config.base_model.clone(),
            sha256: digest::weights(&config.base_model)?,
            record: Object::read(&config.base_model.join(model::folder::CONFIG))?.map,
        };
        let now = jiff::Timestamp::now().to_string();
        Ok(Self {
            program: format!("trainer {}", crate::VERSION),
            git_commit: crate::COMMIT.to_owned(),
            libraries: "tch 0.24.0, libtorch 2.11".to_owned(),
            config: config.clone(),
            base_model,
            datasets: datasets.collect::<Result<_>>()?,
            samples: [0, 0],
            device: if device.is_cuda() { "cuda" } else { "cpu" }.to_owned(),
            compute: if compute == Kind::BFloat16 { "bfloat16" } else { "float32" }.to_owned(),
            threads,
            trained_parameters: 0,
            steps: 0,
            position: Position::default(),
            started_at: now.clone(),
            written_at: now,
        })
    }

    /// Reads a folder's.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(RECORD);
        let file = Object::read(&path)?;
        serde_json::from_value(Value::Object(file.map)).map_err(|reason| crate::Error::Json { path, reason })
    }

    /// Writes a folder's.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let record = Self { written_at: jiff::Timestamp::now().to_string(), ..self.clone() };
        json::write(&folder.join(RECORD), &fields(&record))
    }

    /// Fails where the training in `folder`, which `before` tells of, is not this one.
    pub fn must_continue(&self, before: &Self, folder: &Path) -> Result<()> {
        let problem = self.difference(before);
        match problem {
            None => Ok(()),
            Some(problem) => Err(Failure::Differs { folder: folder.into(), problem }.into()),
        }
    }

    fn difference(&self, before: &Self) -> Option<String> {
        let (ours, theirs) = (fields(&self.config), fields(&before.config));
        let keys = ours.keys().chain(theirs.keys());
        let changed = keys
            .filter(|key| !OPERATIONAL.contains(&key.as_str()))
            .find(|key| ours.get(*key) != theirs.get(*key));
        if let Some(key) = changed {
            let say = |value: Option<&Value>| value.map_or_else(|| "not set".to_owned(), Value::to_string);
            return Some(format!("`{key}` was {}, is {}", say(theirs.get(key)), say(ours.get(key))));
        }
        let hashes =
            |record: &Self| record.datasets.iter().map(|input| input.sha256.clone()).collect::<Vec<_>>();
        if self.base_model.sha256 != before.base_model.sha256 {
            return Some("`base_model` has other weights".to_owned());
        }
        if self.base_model.record != before.base_model.record {
            return Some("`base_model` has another config.json".to_owned());
        }
        if hashes(self) != hashes(before) {
            return Some("`datasets` hold other samples".to_owned());
        }
        if self.compute != before.compute {
            return Some(format!("it computed in {}, this would in {}", before.compute, self.compute));
        }
        None
    }
}

/// A struct's fields as JSON.
fn fields(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("structs of plain fields are objects"),
    }
}
