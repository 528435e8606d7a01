//! All keys of an experiment file.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use super::evaluation::Evaluation;
use super::model::Model;
use super::settings::{Settings, merged};
use super::sources::{Drills, Tasks, Traces};
use super::training::Training;

/// A study.
#[derive(Clone, Debug, Serialize)]
pub struct Experiment {
    /// What the study is, in a few words.
    pub title: String,
    /// Number of repeats of everything that is random: initial weights, order of samples, sampling.
    pub seeds: u64,
    /// The first repeat's seed; each further repeat has the next number.
    pub first_seed: u64,
    /// The seed of the base, which all repeats start from; none: each repeat makes its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_seed: Option<u64>,
    /// Threads of a training and of the inference server; none: as many as they choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Task sets.
    pub tasks: IndexMap<String, Tasks>,
    /// Traces to learn from.
    pub traces: IndexMap<String, Traces>,
    /// Short documents that teach copying.
    pub drills: IndexMap<String, Drills>,
    /// How teachers and models play: keys of an agent in a run config.
    pub agent: Settings,
    /// What training starts from.
    pub model: Model,
    /// Most tokens of a sample, and of a sequence that samples are packed into.
    pub sequence_len: u64,
    /// Keys of every training config.
    pub training: Settings,
    /// Phases of the base's training; each starts from the result of the one before.
    pub base: IndexMap<String, Training>,
    /// Keys of every adapter's training config, merged over `training`.
    pub tuning: Settings,
    /// Adapters on the base.
    pub adapters: IndexMap<String, Training>,
    /// Which models play which tasks.
    pub evaluation: Evaluation,
}

fields::object! {
    Experiment {
        title: required,
        seeds: or(1),
        first_seed: or(1),
        base_seed: or_default,
        threads: or_default,
        tasks: required,
        traces: required,
        drills: or_default,
        agent: required,
        model: required,
        sequence_len: required,
        training: or_default,
        base: or_default,
        tuning: or_default,
        adapters: required,
        evaluation: required,
    }
}

impl Experiment {
    /// The repeats' seeds.
    pub fn repeats(&self) -> impl Iterator<Item = u64> + use<> {
        self.first_seed..self.first_seed.saturating_add(self.seeds)
    }

    /// The training config of a phase, without the keys that the study sets.
    pub fn phase_settings(&self, phase: &Training) -> Settings {
        merged(&self.training, &phase.settings)
    }

    /// The training config of an adapter, without the keys that the study sets.
    pub fn adapter_settings(&self, adapter: &Training) -> Settings {
        merged(&merged(&self.training, &self.tuning), &adapter.settings)
    }

    /// Whether models are served in four bits, which only `trainer serve` does.
    pub fn served_in_4bit(&self) -> bool {
        let trained_so =
            |adapter| self.adapter_settings(adapter).get("load_in_4bit") == Some(&Value::Bool(true));
        let wanted = self.evaluation.load_in_4bit.unwrap_or_else(|| self.adapters.values().any(trained_so));
        wanted && self.evaluation.server.is_none()
    }
}
