//! Which models play which tasks, and how.

use fields::{Fields, FromJson, Place};
use proto::interpreter_state::InterpreterState;
use serde::Serialize;
use serde_json::{Map, Value};

use super::server::{Running, Server};
use super::settings::Settings;
use super::state;

/// Every model in every runtime on every task set.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Names of adapters, and `base` for the model without an adapter.
    pub models: Vec<String>,
    /// The regimes of the interpreter.
    pub runtimes: Vec<InterpreterState>,
    /// Names of task sets.
    pub tasks: Vec<String>,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f64,
    /// Most new tokens of one answer.
    pub max_tokens: u64,
    /// Most episodes that are played concurrently.
    pub max_concurrent_runs: u64,
    /// Settings merged over the experiment's `agent`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub agent: Settings,
    /// Further settings of how the model is called: keys of an agent's `llm`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub llm: Settings,
    /// What serves the models; none: `trainer serve`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// Whether `trainer serve` serves the base in four bits; none: if an adapter was trained on four bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_in_4bit: Option<bool>,
    /// The type that `trainer serve` computes in; none: that of the model's config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<Dtype>,
    /// Most tokens of a conversation; none: the model's own limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
}

/// An element type of a computation.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Four bytes.
    Float32,
    /// Two bytes.
    Bfloat16,
}

impl Dtype {
    /// Its name in `trainer serve --dtype`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
        }
    }
}

impl FromJson for Dtype {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let known = [Self::Float32, Self::Bfloat16];
        let dtype = known.into_iter().find(|dtype| value.as_str() == Some(dtype.name()));
        dtype.or_else(|| place.expected("one of float32, bfloat16", value))
    }
}

impl Evaluation {
    /// Has these running servers serve the models, in place of any other. If the file names running servers, they keep their
    /// name of the base.
    pub fn serve_from(&mut self, urls: &[String]) {
        let model = match self.server.take() {
            Some(Server::Running(running)) => running.model,
            _ => None,
        };
        self.server = Some(Server::Running(Running { urls: urls.to_vec(), model }));
    }
}

impl FromJson for Evaluation {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let models = fields.required("models");
        let runtimes =
            fields.required_as("runtimes", |value, place| fields::elements(value, place, state::read));
        let tasks = fields.required("tasks");
        let temperature = fields.required("temperature");
        let max_tokens = fields.required("max_tokens");
        let max_concurrent_runs = fields.required("max_concurrent_runs");
        let agent = fields.or_default("agent");
        let llm = fields.or_default("llm");
        let server = fields.or_default("server");
        let load_in_4bit = fields.or_default("load_in_4bit");
        let dtype = fields.or_default("dtype");
        let context = fields.or_default("context");
        fields.refuse_unknown();
        Some(Self {
            models: models?,
            runtimes: runtimes?,
            tasks: tasks?,
            temperature: temperature?,
            max_tokens: max_tokens?,
            max_concurrent_runs: max_concurrent_runs?,
            agent: agent?,
            llm: llm?,
            server: server?,
            load_in_4bit: load_in_4bit?,
            dtype: dtype?,
            context: context?,
        })
    }
}
