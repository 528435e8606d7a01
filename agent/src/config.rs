//! The run config: one YAML file, parsed once into typed values.
//!
//! The keys are the paper's system's, plus `task_set`, `state_loss`, `limits`,
//! `prompt`, `llm.backend` and `llm.url`. A key that nobody reads is an error: a
//! misspelt limit would otherwise silently be the default.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proto::env::v1::InterpreterState;
use serde::{Deserialize, Serialize};

use crate::model::scripted::Habit;

/// A run: which agents play which tasks, and where the results go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Results go to `<output_dir>/<run_name>`.
    pub output_dir: PathBuf,
    /// Name of the run.
    pub run_name: String,
    /// Base of the seeds that models are given.
    #[serde(default)]
    pub seed_start: u64,
    /// Episodes at once.
    #[serde(default = "default_concurrent_runs")]
    pub max_concurrent_runs: usize,
    /// Cache of model answers, for backends that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_db_path: Option<PathBuf>,
    /// The server's task set; may be left out where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_set: Option<String>,
    /// Families to play, in order.
    pub task_families: Vec<String>,
    /// Who plays them.
    pub agents: Vec<AgentConfig>,
}

/// An agent: a model, a way of acting, a runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// Names its files; unique in the run.
    pub name: String,
    /// How it acts.
    pub agent_type: AgentType,
    /// Whether its interpreter's state survives a step. No default: which
    /// runtime it was is the point of every run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_state: Option<bool>,
    /// Chance, in [0, 1], that a persistent interpreter's state is lost before
    /// a step, as when a runtime restarts. The model is not told of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub state_loss: f64,
    /// Model turns before the episode is cut off.
    #[serde(default = "default_max_turns")]
    pub max_turns: u32,
    /// Seconds before the episode is cut off: no turn begins, and no model call
    /// goes on, after them. A step that is running then is bounded by its own
    /// limits and comes to its end.
    #[serde(default = "default_episode_timeout")]
    pub timeout_s: f64,
    /// Tool calls in one step.
    #[serde(default = "default_tool_calls")]
    pub max_tool_calls: u32,
    /// Further limits of the environment; its own defaults where left out.
    #[serde(default, skip_serializing_if = "StepLimits::is_default")]
    pub limits: StepLimits,
    /// What the model is told.
    #[serde(default, skip_serializing_if = "Prompt::is_default")]
    pub prompt: Prompt,
    /// The model.
    pub llm: Llm,
}

/// What a model is told of its runtime. The defaults are the paper's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prompt {
    /// Whether the system prompts say which runtime it is.
    pub runtime: RuntimePrompt,
    /// How much is said.
    pub detail: PromptDetail,
    /// How an observation is written.
    pub observation: ObservationFormat,
    /// Whether a persistent interpreter's names are left out of each turn.
    pub hide_names: bool,
}

impl Prompt {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What the system prompts say of the runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimePrompt {
    /// Which it is.
    #[default]
    Stated,
    /// Nothing.
    Hidden,
    /// The other one.
    Misstated,
}

/// How much a model is told before its first turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptDetail {
    /// How to act, every function with its description, the whole goal.
    #[default]
    Full,
    /// The functions' names and parameters, and the task's public data without the goal: for models that learn the
    /// rest from traces.
    Brief,
}

/// How an observation is written, as one line of JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservationFormat {
    /// `success`, `result`, `output` and `error`.
    #[default]
    Full,
    /// `error` if there is one, or else `output`: what traces become when a model is trained on them.
    Compact,
}

/// How an agent acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentType {
    /// Writes Python.
    Codeact,
    /// Calls tools directly.
    React,
}

/// Limits of one step, as `runtime_gym.env.v1.Limits` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepLimits {
    /// CPU budget in interpreter fuel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_per_step: Option<u64>,
    /// Wall-clock stop, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_clock_per_step_s: Option<f64>,
    /// The interpreter's memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Captured output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes_per_step: Option<u64>,
    /// Longest code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_bytes_per_step: Option<u64>,
    /// What the tools of a step are given and answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_bytes_per_step: Option<u64>,
    /// The interpreter's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch_bytes: Option<u64>,
}

impl StepLimits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The model and how it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// What kind of model it is; may be left out where the model's name tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// Which one, as the backend names it: a scripted policy; a served base model or one of its adapters.
    pub model: String,
    /// The inference server, such as http://127.0.0.1:50052; `--inference` comes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// 0 is greedy.
    #[serde(default = "default_temperature")]
    pub temperature: f64,
    /// Most new tokens of one answer.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: u32,
    /// Seconds before one model call is given up.
    #[serde(default = "default_call_timeout")]
    pub timeout_s: f64,
    /// Model calls at once, for backends that call a server.
    #[serde(default = "default_concurrent_requests")]
    pub max_concurrent_requests: usize,
    /// Retries of one call, for backends that call a server.
    #[serde(default = "default_retries")]
    pub max_retries: u32,
    /// First wait before a retry; it doubles each time.
    #[serde(default = "default_backoff_base")]
    pub backoff_base_s: f64,
    /// Longest wait before a retry.
    #[serde(default = "default_backoff_max")]
    pub backoff_max_s: f64,
    /// At most so much is added to each wait, at random.
    #[serde(default = "default_jitter")]
    pub jitter_s: f64,
    /// Whether answers are cached, for backends that have a cache.
    #[serde(default)]
    pub cache_enabled: bool,
}

impl Llm {
    /// The backend that is named, or else the one that has a model of that name.
    pub fn backend(&self) -> Option<Backend> {
        let habit = || Habit::named(&self.model).map(|_| Backend::Scripted);
        let server = || self.url.as_ref().map(|_| Backend::Inference);
        self.backend.or_else(habit).or_else(server)
    }
}

/// Kinds of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// Policies written by hand: teachers and test doubles.
    Scripted,
    /// A model behind `runtime_gym.inference.v1`, as `trainer serve` offers it.
    Inference,
}

fn is_zero(chance: &f64) -> bool {
    *chance == 0.0
}
fn default_concurrent_runs() -> usize {
    4
}
fn default_max_turns() -> u32 {
    40
}
fn default_episode_timeout() -> f64 {
    600.0
}
fn default_tool_calls() -> u32 {
    25
}
fn default_temperature() -> f64 {
    0.2
}
fn default_max_tokens() -> u32 {
    12_288
}
fn default_call_timeout() -> f64 {
    120.0
}
fn default_concurrent_requests() -> usize {
    8
}
fn default_retries() -> u32 {
    6
}
fn default_backoff_base() -> f64 {
    0.5
}
fn default_backoff_max() -> f64 {
    30.0
}
fn default_jitter() -> f64 {
    0.2
}

/// What is wrong with a config.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the YAML that was expected.
    #[error("`{path}`: {problem}")]
    Yaml {
        /// The key, such as `agents[0].llm.model`; `.` is the whole file.
        path: String,
        /// What is wrong with it, with the line.
        problem: String,
    },
    /// A value that can't be used.
    #[error("`{path}`: {problem}")]
    Value {
        /// The key.
        path: String,
        /// What is wrong with it, and what to write instead.
        problem: String,
    },
}

impl RunConfig {
    /// Reads and checks a config.
    ///
    /// # Errors
    /// [`Error`] naming the key.
    pub fn parse(yaml: &str) -> Result<Self, Error> {
        let mut path = String::new();
        let mut config: Self = serde_saphyr::with_deserializer_from_str(yaml, |deserializer| {
            serde_path_to_error::deserialize(deserializer).map_err(|error| {
                path = error.path().to_string();
                error.into_inner()
            })
        })
        .map_err(|error| {
            // The parser's text begins like a whole report; here it is the end of a sentence.
            Error::Yaml { path, problem: error.to_string().trim_start_matches("error: ").to_owned() }
        })?;
        config.check()?;
        for agent in &mut config.agents {
            agent.llm.backend = agent.llm.backend();
        }
        Ok(config)
    }

    /// Asks the inference server at `url` for every answer that one gives.
    pub fn set_inference(&mut self, url: &str) {
        for agent in &mut self.agents {
            if agent.llm.backend == Some(Backend::Inference) {
                agent.llm.url = Some(url.to_owned());
            }
        }
    }

    /// The config as YAML, defaults filled in.
    ///
    /// # Errors
    /// What the YAML writer says.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::SerializeError> {
        serde_saphyr::to_string(self)
    }

    fn check(&self) -> Result<(), Error> {
        check_name("run_name", &self.run_name)?;
        check_positive("max_concurrent_runs", self.max_concurrent_runs as f64)?;
        let mut families = BTreeSet::new();
        for (index, family) in self.task_families.iter().enumerate() {
            check_name(&format!("task_families[{index}]"), family)?;
            require(families.insert(family), &format!("task_families[{index}]"), || {
                format!("`{family}` is listed twice")
            })?;
        }
        require(!families.is_empty(), "task_families", || {
            "name at least one family, such as knapsack".into()
        })?;
        require(!self.agents.is_empty(), "agents", || "describe at least one agent".into())?;
        let mut names = BTreeSet::new();
        for (index, agent) in self.agents.iter().enumerate() {
            let path = format!("agents[{index}]");
            agent.check(&path)?;
            require(names.insert(&agent.name), &format!("{path}.name"), || {
                format!("`{}` names two agents; their files would be the same", agent.name)
            })?;
        }
        Ok(())
    }
}

impl AgentConfig {
    /// The interpreter's regime that `persistent_state` asks for.
    pub fn interpreter_state(&self) -> InterpreterState {
        match self.persistent_state {
            Some(true) => InterpreterState::Persistent,
            Some(false) => InterpreterState::Reset,
            None => InterpreterState::Unspecified, // `check` has refused it
        }
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        check_name(&format!("{path}.name"), &self.name)?;
        require(self.agent_type == AgentType::Codeact, &format!("{path}.agent_type"), || {
            "only `codeact` is available in this version; `react` is not yet".into()
        })?;
        require(self.persistent_state.is_some(), &format!("{path}.persistent_state"), || {
            "is required: true if the interpreter keeps its state from step to step, false if every step \
             starts afresh"
                .into()
        })?;
        let state_loss = format!("{path}.state_loss");
        require((0.0..=1.0).contains(&self.state_loss), &state_loss, || {
            format!("must be within 0 (never) and 1 (before every step), not {}", self.state_loss)
        })?;
        require(self.state_loss == 0.0 || self.persistent_state == Some(true), &state_loss, || {
            "must be 0 or left out with `persistent_state: false`: a resetting interpreter keeps no state to \
             lose"
                .into()
        })?;
        check_positive(&format!("{path}.max_turns"), f64::from(self.max_turns))?;
        check_positive(&format!("{path}.max_tool_calls"), f64::from(self.max_tool_calls))?;
        check_seconds(&format!("{path}.timeout_s"), self.timeout_s)?;
        if let Some(seconds) = self.limits.wall_clock_per_step_s {
            check_seconds(&format!("{path}.limits.wall_clock_per_step_s"), seconds)?;
        }
        let llm = format!("{path}.llm");
        let (model, habits) = (&self.llm.model, Habit::names().join(", "));
        let problem = match self.llm.backend() {
            None => Some(format!(
                "`{model}` is no scripted policy ({habits}); if an inference server has it, say `backend: \
                 inference`"
            )),
            Some(Backend::Scripted) if Habit::named(model).is_none() => {
                Some(format!("`{model}` is not a scripted policy; there are {habits}"))
            }
            Some(Backend::Scripted | Backend::Inference) => None,
        };
        require(problem.is_none(), &format!("{llm}.model"), || problem.unwrap_or_default())?;
        require((0.0..=10.0).contains(&self.llm.temperature), &format!("{llm}.temperature"), || {
            format!("must be within 0 and 10, not {}", self.llm.temperature)
        })?;
        check_positive(&format!("{llm}.max_tokens"), f64::from(self.llm.max_tokens))?;
        check_positive(&format!("{llm}.max_concurrent_requests"), self.llm.max_concurrent_requests as f64)?;
        check_wait(&format!("{llm}.backoff_base_s"), self.llm.backoff_base_s)?;
        check_wait(&format!("{llm}.backoff_max_s"), self.llm.backoff_max_s)?;
        check_wait(&format!("{llm}.jitter_s"), self.llm.jitter_s)?;
        check_seconds(&format!("{llm}.timeout_s"), self.llm.timeout_s)
    }
}

fn require(holds: bool, path: &str, problem: impl FnOnce() -> String) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Value { path: path.to_owned(), problem: problem() }) }
}

fn check_positive(path: &str, value: f64) -> Result<(), Error> {
    require(value > 0.0, path, || "must be at least 1".into())
}

/// A day is more than any episode needs, and every clock can add it.
fn check_seconds(path: &str, value: f64) -> Result<(), Error> {
    require(value > 0.0 && value <= 86_400.0, path, || {
        format!("must be more than 0 and at most 86400 seconds, not {value}")
    })
}

fn check_wait(path: &str, value: f64) -> Result<(), Error> {
    require((0.0..=86_400.0).contains(&value), path, || {
        format!("must be within 0 and 86400 seconds, not {value}")
    })
}

/// Names become parts of file names and of episode ids.
fn check_name(path: &str, name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    require(!name.is_empty() && !name.starts_with('.') && name.chars().all(allowed), path, || {
        format!("`{name}` must be made of letters, digits, `.`, `_` and `-`, and not begin with `.`")
    })
}

#[cfg(test)]
mod tests;
