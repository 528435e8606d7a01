//! The experiment file: a whole study in one YAML file, parsed once into typed values.
//!
//! Settings that only pass through to another program (`agent`, `training`, `tuning` and what stands beside `data`)
//! are that program's to check, which it is asked to do before anything runs.

mod check;
mod file;
mod model;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use file::merged;
pub use model::{Folder, Fresh, Model, Sizes};

/// Settings of another program.
pub type Settings = Map<String, Value>;

/// A study.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// What it is, in a few words.
    pub title: String,
    /// How often everything that is drawn at random is repeated: initial weights, order of samples, sampling.
    #[serde(default = "one")]
    pub seeds: u64,
    /// The first repeat's seed; the others count on.
    #[serde(default = "one")]
    pub first_seed: u64,
    /// Threads of a training and of the model's server; none: as many as they choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Task sets.
    pub tasks: IndexMap<String, Tasks>,
    /// Teachers' episodes.
    pub traces: IndexMap<String, Traces>,
    /// Short documents that teach copying.
    #[serde(default)]
    pub drills: IndexMap<String, Drills>,
    /// How episodes are played, by teachers and models alike: keys of an agent in a run config.
    pub agent: Settings,
    /// What training starts from.
    pub model: Model,
    /// Most tokens of a sample, and of a sequence that samples are packed into.
    pub sequence_len: u64,
    /// Keys of every training config.
    #[serde(default)]
    pub training: Settings,
    /// Phases of the base's training; each goes on from the one before.
    #[serde(default)]
    pub base: IndexMap<String, Training>,
    /// Keys of every adapter's training config, over `training`.
    #[serde(default)]
    pub tuning: Settings,
    /// Adapters on the base.
    pub adapters: IndexMap<String, Training>,
    /// Which models play what.
    pub evaluation: Evaluation,
}

/// A task set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tasks {
    /// A config of `env-server generate`.
    pub config: PathBuf,
    /// Tasks of each family, instead of the config's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_tasks: Option<u64>,
    /// Where the tasks' seeds begin, instead of the config's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_start: Option<u64>,
}

/// Traces to learn from, and which of them.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Traces {
    /// To be played.
    Played(Teacher),
    /// There already.
    Ready(Recorded),
}

/// A scripted policy on a task set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Teacher {
    /// Which tasks.
    pub tasks: String,
    /// The policy.
    pub policy: String,
    /// What becomes of its interpreter's state from step to step.
    pub state: State,
    /// The first so many tasks of each family; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Laid over the experiment's `agent`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub agent: Settings,
    /// Which are learnt from.
    #[serde(default)]
    pub only_solved: bool,
}

/// Traces from elsewhere.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// A folder with traces anywhere in it, or a `.tar.gz` of one.
    pub folder: PathBuf,
    /// Which are learnt from.
    #[serde(default)]
    pub only_solved: bool,
}

impl Traces {
    /// Whether only solved episodes are learnt from.
    pub fn only_solved(&self) -> bool {
        match self {
            Self::Played(teacher) => teacher.only_solved,
            Self::Ready(recorded) => recorded.only_solved,
        }
    }
}

impl<'de> Deserialize<'de> for Traces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Settings::deserialize(deserializer)?;
        let ready = keys.contains_key("folder");
        let keys = Value::Object(keys);
        match ready {
            true => by_path(keys).map(Self::Ready),
            false => by_path(keys).map(Self::Played),
        }
    }
}

/// What becomes of an interpreter's state from step to step.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It stays.
    Persistent,
    /// It goes.
    Reset,
}

impl State {
    /// As files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Persistent => "persistent",
            Self::Reset => "reset",
        }
    }
}

/// Documents of `agent drills`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Drills {
    /// What kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Seeds what is drawn.
    #[serde(default)]
    pub seed: u64,
}

/// A training run: on what, and keys of its config.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Training {
    /// Traces and drills: how many of each, the first ones.
    pub data: IndexMap<String, u64>,
    /// Axolotl's keys.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Every model in every runtime on every task set.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Adapters, and `base`.
    pub models: Vec<String>,
    /// Interpreters.
    pub runtimes: Vec<State>,
    /// Task sets.
    pub tasks: Vec<String>,
    /// Of sampling; 0 is greedy.
    pub temperature: f64,
    /// Most new tokens of one answer.
    pub max_tokens: u64,
    /// Episodes at once.
    pub max_concurrent_runs: u64,
    /// Laid over the experiment's `agent`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub agent: Settings,
    /// Whether the base is served in four bits; none: if the adapters were trained on four bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_in_4bit: Option<bool>,
    /// Most tokens of a conversation; none: what the model was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
}

/// A value whose errors name the key below it.
fn by_path<T: DeserializeOwned, E: serde::de::Error>(value: Value) -> Result<T, E> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| E::custom(format!("`{}`: {}", error.path(), error.inner())))
}

fn one() -> u64 {
    1
}

impl Experiment {
    /// Reads a file with what it extends, and checks it by itself.
    ///
    /// # Errors
    /// Naming the file and the key.
    pub fn read(path: &Path) -> Result<Self> {
        let value = file::read(path)?;
        let experiment: Self = serde_path_to_error::deserialize(value)
            .map_err(|error| anyhow!("{}: `{}`: {}", path.display(), error.path(), error.inner()))?;
        check::check(&experiment)
            .map_err(|(key, problem)| anyhow!("{}: `{key}`: {problem}", path.display()))?;
        Ok(experiment)
    }

    /// The repeats' seeds.
    pub fn repeats(&self) -> impl Iterator<Item = u64> + use<> {
        self.first_seed..self.first_seed.saturating_add(self.seeds)
    }

    /// A phase's training config but for what the study itself sets.
    pub fn phase_settings(&self, phase: &Training) -> Settings {
        merged(&self.training, &phase.settings)
    }

    /// The same of an adapter.
    pub fn adapter_settings(&self, adapter: &Training) -> Settings {
        merged(&merged(&self.training, &self.tuning), &adapter.settings)
    }

    /// Whether models are served in four bits.
    pub fn served_in_4bit(&self) -> bool {
        let trained_so =
            |adapter| self.adapter_settings(adapter).get("load_in_4bit") == Some(&Value::Bool(true));
        self.evaluation.load_in_4bit.unwrap_or_else(|| self.adapters.values().any(trained_so))
    }
}
