//! `training.json`, the record of a training: made, read, written and compared. Its declaration is
//! [`proto::training::Record`].

use std::path::Path;

use proto::training::{Input, Position, RECORD, Record, SCHEMA_VERSION};
use serde::Serialize;
use serde_json::{Map, Value};
use tch::{Device, Kind};

use super::{Config, Failure};
use crate::dataset::SAMPLES;
use crate::json::{self, Object};
use crate::{Error, Result, digest, model, nf4};

/// Keys of the config that may differ between two starts of a training, because they do not affect what is
/// computed. The contents of `base_model` and `datasets` may not differ; their hashes are compared.
const OPERATIONAL: [&str; 12] = [
    "base_model",
    "datasets",
    "output_dir",
    "gradient_checkpointing",
    "logging_steps",
    "eval_on_start",
    "eval_steps",
    "evals_per_epoch",
    "save_steps",
    "saves_per_epoch",
    "save_total_limit",
    "bnb_config_kwargs",
];

/// The same for the keys below this one: who plays, and where. What they play is compared by hash.
const ROLLOUT: &str = "rollout";
const OPERATIONAL_OF_ROLLOUT: [&str; 4] = ["config", "env", "eval_temperature", "tasks_root"];

/// The record of a training that begins, from these inputs. Reads the base for its hash.
pub fn new(
    config: &Config,
    datasets: Vec<Input>,
    device: Device,
    compute: Kind,
    threads: i32,
) -> Result<Record> {
    let base_model = Input {
        path: config.base_model.clone(),
        sha256: digest::weights(&config.base_model)?,
        record: Object::read(&config.base_model.join(model::folder::CONFIG))?.map,
    };
    let now = jiff::Timestamp::now().to_string();
    Ok(Record {
        schema_version: SCHEMA_VERSION.to_owned(),
        program: format!("trainer {}", crate::VERSION),
        git_commit: crate::COMMIT.to_owned(),
        libraries: libraries(config.load_in_4bit)?,
        config: fields(config),
        base_model,
        datasets,
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

/// The libraries that compute; of bitsandbytes' only where weights are in four bits.
fn libraries(nf4: bool) -> Result<String> {
    let library = if nf4 { nf4::library()? } else { None };
    let kernels = library.map(|library| format!(", {}", library.name()));
    Ok(format!("tch 0.24.0, libtorch 2.11{}", kernels.unwrap_or_default()))
}

/// A dataset as an input, whose samples must be those that its record names, if it names any.
pub fn dataset(folder: &Path) -> Result<Input> {
    let sha256 = digest::file(&folder.join(SAMPLES))?;
    let record = Object::read(&folder.join(proto::dataset::RECORD))?;
    let recorded: Option<String> = record.optional("samples_sha256")?;
    if recorded.is_some_and(|recorded| recorded != sha256) {
        let problem = format!("is not that of {SAMPLES}: prepare the data again");
        return Err(record.error("samples_sha256", problem));
    }
    Ok(Input { path: folder.to_owned(), sha256, record: record.map })
}

/// Reads the record in a folder.
pub fn read(folder: &Path) -> Result<Record> {
    let path = folder.join(RECORD);
    let file = Object::read(&path)?;
    serde_json::from_value(Value::Object(file.map)).map_err(|reason| Error::Json { path, reason })
}

/// Writes the record into a folder.
pub fn write(record: &Record, folder: &Path) -> Result<()> {
    let record = Record { written_at: jiff::Timestamp::now().to_string(), ..record.clone() };
    json::write(&folder.join(RECORD), &fields(&record))
}

/// Fails unless `now` continues the training in `folder`, whose record is `before`.
pub fn must_continue(now: &Record, before: &Record, folder: &Path) -> Result<()> {
    // Read as a config, so that keys which the earlier program did not know have their defaults.
    let config = ::fields::read::<Config>(&Value::Object(before.config.clone()))
        .map_err(|problems| Error::Config { path: folder.join(RECORD), problems })?;
    match difference(now, before, &fields(&config)) {
        None => Ok(()),
        Some(problem) => Err(Failure::Differs { folder: folder.into(), problem }.into()),
    }
}

/// The first difference that affects the result.
fn difference(now: &Record, before: &Record, config: &Map<String, Value>) -> Option<String> {
    let keys = now.config.keys().chain(config.keys());
    let changed = keys
        .filter(|key| !OPERATIONAL.contains(&key.as_str()))
        .find(|key| affecting(key, now.config.get(*key)) != affecting(key, config.get(*key)));
    if let Some(key) = changed {
        let show = |value: Option<&Value>| value.map_or_else(|| "not set".to_owned(), Value::to_string);
        return Some(format!("`{key}` was {}, is {}", show(config.get(key)), show(now.config.get(key))));
    }
    let hashes =
        |record: &Record| record.datasets.iter().map(|input| input.sha256.clone()).collect::<Vec<_>>();
    if now.base_model.sha256 != before.base_model.sha256 {
        return Some("`base_model` has other weights".to_owned());
    }
    if now.base_model.record != before.base_model.record {
        return Some("`base_model` has another config.json".to_owned());
    }
    if hashes(now) != hashes(before) {
        return Some(match now.config.contains_key(ROLLOUT) {
            true => {
                "`rollout` has another agent, other tasks, or a server with another interpreter".to_owned()
            }
            false => "`datasets` hold other samples".to_owned(),
        });
    }
    if now.compute != before.compute {
        return Some(format!("it computed in {}, this one would compute in {}", before.compute, now.compute));
    }
    None
}

/// The part of a key's value that affects what is computed.
fn affecting(key: &str, value: Option<&Value>) -> Option<Value> {
    let mut value = value?.clone();
    if let (ROLLOUT, Some(map)) = (key, value.as_object_mut()) {
        map.retain(|key, _| !OPERATIONAL_OF_ROLLOUT.contains(&key.as_str()));
    }
    Some(value)
}

/// The fields of a struct as JSON.
fn fields(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => unreachable!("structs of plain fields are objects"),
    }
}
