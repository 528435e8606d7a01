//! The run's folder: whether it can be written, whether it belongs to this run, and which results it holds.

use std::fs;
use std::path::PathBuf;

use proto::run::{EpisodeResult, Layout, OPERATIONAL_KEYS, Status};
use proto::trace::Trace;
use serde_json::Value;

use crate::config::{self, RunConfig};

/// Why a run folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be written.
    #[error("can't write into the run folder {}: {source} (choose another with --output-dir, or `output_dir` in the config)", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It holds another run.
    #[error(transparent)]
    Differs(#[from] ConfigDiffers),
    /// Its config can't be read.
    #[error("{}: {source} (it is not this program's; choose another `run_name`)", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// The config's problems.
        source: config::Error,
    },
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The config can't be written as YAML.
    #[error("writing the config: {0}")]
    ConfigText(#[from] serde_saphyr::SerializeError),
}

/// The folder holds results of a run with another config.
#[derive(Debug, thiserror::Error)]
#[error(
    "the run folder {} holds results of another config: `{key}` was {before}, now it is {now}; choose another \
     --output-dir or `run_name`, or remove the folder to start over",
    folder.display()
)]
pub struct ConfigDiffers {
    /// The run folder.
    pub folder: PathBuf,
    /// The first key that differs.
    pub key: String,
    /// Its value in the folder's config.
    pub before: String,
    /// Its value in this run's config.
    pub now: String,
}

/// Makes the folder, and checks that files can be written there.
///
/// # Errors
/// [`Error::NotWritable`].
pub fn prepare(layout: &Layout) -> Result<(), Error> {
    let error = |source| Error::NotWritable { path: layout.root.clone(), source };
    fs::create_dir_all(&layout.root).map_err(error)?;
    let probe = layout.root.join(format!(".writable-{}", std::process::id()));
    fs::write(&probe, "").and_then(|()| fs::remove_file(&probe)).map_err(error)
}

/// Writes the config, defaults included, into the folder.
///
/// # Errors
/// If the folder holds the config of another run.
pub fn claim(layout: &Layout, config: &RunConfig) -> Result<(), Error> {
    let path = layout.config();
    if path.exists() {
        let earlier = RunConfig::parse(&files::read_text(&path)?)
            .map_err(|source| Error::BadConfig { path: path.clone(), source })?;
        let (before, now) = (as_json(&earlier), as_json(config));
        if let Some((key, before, now)) = difference(String::new(), &before, &now) {
            return Err(ConfigDiffers { folder: layout.root.clone(), key, before, now }.into());
        }
    }
    Ok(files::write_text(&path, &config.to_yaml()?)?)
}

/// A completed episode's result and trace; `None` if either is missing or can't be read.
pub fn completed(
    layout: &Layout,
    agent: &str,
    family: &str,
    task_id: &str,
) -> Option<(EpisodeResult, Trace)> {
    let result: EpisodeResult = files::read_json(&layout.result(agent, family, task_id)).ok()?;
    let trace = files::read_json(&layout.trace(agent, family, task_id)).ok()?;
    (result.status == Status::Completed).then_some((result, trace))
}

/// The tasks that have a result file, from this or an earlier start of the run.
///
/// # Errors
/// If the folder can't be read.
pub fn task_ids(layout: &Layout, agent: &str, family: &str) -> Result<Vec<String>, Error> {
    let folder = layout.results(agent, family);
    let read_error = |source| files::Error::Io { action: "reading", path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read_error(error).into()),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry.map_err(read_error)?.file_name();
        let id = name
            .to_str()
            .and_then(|name| name.strip_prefix(family)?.strip_prefix('-')?.strip_suffix(".json"));
        ids.extend(id.filter(|id| !id.ends_with(".trace")).map(str::to_owned));
    }
    ids.sort();
    Ok(ids)
}

fn as_json(config: &RunConfig) -> Value {
    serde_json::to_value(config).unwrap_or_default()
}

/// The first value that differs: its key and both values.
fn difference(key: String, before: &Value, now: &Value) -> Option<(String, String, String)> {
    match (before, now) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys());
            names.filter(|name| !OPERATIONAL_KEYS.contains(&name.as_str())).find_map(|name| {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                let absent = &Value::Null;
                difference(key, left.get(name).unwrap_or(absent), right.get(name).unwrap_or(absent))
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => (left.iter().zip(right))
            .enumerate()
            .find_map(|(index, (before, now))| difference(format!("{key}[{index}]"), before, now)),
        _ if before == now => None,
        _ => Some((key, before.to_string(), now.to_string())),
    }
}
