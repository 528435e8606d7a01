//! What Python gives to calls, as messages. The dataclasses of `runtime_gym/_types.py` are read by their attributes.

use std::time::Duration;

use proto::env::v1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// `runtime_gym.Limits`: what is `None` is the server's default.
#[derive(FromPyObject)]
pub struct Limits {
    max_steps: Option<u32>,
    tool_calls_per_step: Option<u32>,
    fuel_per_step: Option<u64>,
    wall_clock_per_step: Option<f64>,
    memory_bytes: Option<u64>,
    output_bytes_per_step: Option<u64>,
    code_bytes_per_step: Option<u64>,
    tool_bytes_per_step: Option<u64>,
    scratch_bytes: Option<u64>,
    error_output_bytes_per_step: Option<u64>,
}

impl Limits {
    fn wall_clock(&self) -> PyResult<Option<Duration>> {
        self.wall_clock_per_step.map(|limit| seconds(limit, "limits.wall_clock_per_step")).transpose()
    }

    fn message(&self) -> PyResult<v1::Limits> {
        Ok(v1::Limits {
            max_steps: self.max_steps.unwrap_or_default(),
            tool_calls_per_step: self.tool_calls_per_step.unwrap_or_default(),
            fuel_per_step: self.fuel_per_step.unwrap_or_default(),
            wall_clock_per_step: self.wall_clock()?.and_then(|limit| limit.try_into().ok()),
            memory_bytes: self.memory_bytes.unwrap_or_default(),
            output_bytes_per_step: self.output_bytes_per_step.unwrap_or_default(),
            code_bytes_per_step: self.code_bytes_per_step.unwrap_or_default(),
            tool_bytes_per_step: self.tool_bytes_per_step.unwrap_or_default(),
            scratch_bytes: self.scratch_bytes.unwrap_or_default(),
            error_output_bytes_per_step: self.error_output_bytes_per_step.unwrap_or_default(),
        })
    }

    /// The same for an interpreter that no server runs: what is `None` is the sandbox's default.
    pub fn of_interpreter(&self) -> PyResult<sandbox::Limits> {
        let own = sandbox::Limits::default();
        let bytes = |asked: Option<u64>, own: usize| {
            asked.map_or(own, |asked| usize::try_from(asked).unwrap_or(usize::MAX))
        };
        Ok(sandbox::Limits {
            fuel: self.fuel_per_step.unwrap_or(own.fuel),
            wall_clock: self.wall_clock()?.unwrap_or(own.wall_clock),
            memory_bytes: bytes(self.memory_bytes, own.memory_bytes),
            output_bytes: bytes(self.output_bytes_per_step, own.output_bytes),
            error_output_bytes: bytes(self.error_output_bytes_per_step, own.error_output_bytes),
            code_bytes: bytes(self.code_bytes_per_step, own.code_bytes),
            tool_calls: self.tool_calls_per_step.unwrap_or(own.tool_calls),
            tool_bytes: bytes(self.tool_bytes_per_step, own.tool_bytes),
            scratch_bytes: bytes(self.scratch_bytes, own.scratch_bytes),
        })
    }
}

/// What an episode is of: a tuple that begins with the kind.
#[derive(FromPyObject)]
pub enum Task {
    /// `(set, task_id)`.
    Listed(String, String),
    /// `(family, config, seed, salt)`, the config as JSON.
    Config(String, String, u64, String),
    /// A whole task file, as JSON.
    File(String),
}

impl From<Task> for v1::create_episode_request::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::Listed(set, task_id) => Self::TaskRef(v1::TaskRef { set, task_id }),
            Task::Config(family, config_json, seed, seed_salt) => {
                Self::TaskFromConfig(v1::TaskFromConfig { family, config_json, seed, seed_salt })
            }
            Task::File(json) => Self::TaskJson(json),
        }
    }
}

/// `runtime_gym._client.Create`: a request for an episode.
#[derive(FromPyObject)]
pub struct Create {
    task: Task,
    interpreter_state: String,
    episode_id: String,
    limits: Option<Limits>,
    seed: Option<u64>,
    lease: Option<f64>,
    record_definitions: bool,
    state_loss: f64,
    semantics: Option<String>,
}

impl Create {
    pub fn message(self) -> PyResult<v1::CreateEpisodeRequest> {
        let state = self.interpreter_state.as_str();
        let state = proto::interpreter_state::InterpreterState::named(state)
            .ok_or_else(|| one_of("interpreter_state", state, "'persistent' or 'reset'"))?;
        let semantics = semantics(self.semantics.as_deref())?;
        let lease = self.lease.map(|lease| seconds(lease, "lease")).transpose()?;
        Ok(v1::CreateEpisodeRequest {
            task: Some(self.task.into()),
            interpreter_state: v1::InterpreterState::from(state).into(),
            limits: self.limits.map(|limits| limits.message()).transpose()?,
            seed: self.seed,
            episode_id: self.episode_id,
            lease: lease.and_then(|lease| lease.try_into().ok()),
            record_definitions: self.record_definitions,
            state_loss: self.state_loss,
            semantics: semantics.map_or(0, |semantics| v1::Semantics::from(semantics).into()),
            boot_id: String::new(),
        })
    }
}

/// The semantics of this name.
pub fn semantics(name: Option<&str>) -> PyResult<Option<proto::semantics::Semantics>> {
    let named = |name: &str| {
        proto::semantics::Semantics::named(name)
            .ok_or_else(|| one_of("semantics", name, "'script' or 'notebook'"))
    };
    name.map(named).transpose()
}

fn one_of(field: &str, value: &str, allowed: &str) -> PyErr {
    PyValueError::new_err(format!("{field} is {value:?}; it must be {allowed}"))
}

/// A step's action: code, or calls of tools by their names and arguments, which are JSON.
#[derive(FromPyObject)]
pub enum Action {
    Code(String),
    Calls(Vec<(String, String)>),
}

/// A step: the episode, the step's index, and its action.
#[derive(FromPyObject)]
pub struct Step(String, u64, Action);

impl From<Step> for v1::StepRequest {
    fn from(Step(episode_id, step_index, action): Step) -> Self {
        use v1::step_request::Action as Wire;

        let action = match action {
            Action::Code(code) => Wire::Code(v1::CodeAction { code }),
            Action::Calls(calls) => {
                let call = |(name, arguments_json)| v1::ToolCall { name, arguments_json };
                Wire::ToolCalls(v1::ToolCallsAction { calls: calls.into_iter().map(call).collect() })
            }
        };
        Self { episode_id, step_index, action: Some(action) }
    }
}

/// A duration of this many seconds.
pub fn seconds(seconds: f64, field: &str) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| PyValueError::new_err(format!("{field} is {seconds}; it must be a number of seconds")))
}

/// `runtime_gym.Observation`, as far as a model is shown it.
#[derive(FromPyObject)]
pub struct Observed {
    success: bool,
    output: String,
    error_output: String,
    error: Option<String>,
    globals: Vec<String>,
    output_bytes_left_out: u64,
    error_output_bytes_left_out: u64,
    tool_results: Vec<Answered>,
}

/// `runtime_gym.ToolCall`, with its answer.
#[derive(FromPyObject)]
struct Answered {
    name: String,
    #[pyo3(from_py_with = json)]
    result: Option<String>,
    error: Option<String>,
}

/// A JSON value as text; `None` for `None`.
fn json(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if value.is_none() {
        return Ok(None);
    }
    let value: serde_json::Value = pythonize::depythonize(value)?;
    Ok(Some(value.to_string()))
}

impl From<Observed> for v1::Observation {
    fn from(observed: Observed) -> Self {
        let result = |one: Answered| v1::ToolCallRecord {
            name: one.name,
            result_json: one.result.unwrap_or_default(),
            error: one.error.unwrap_or_default(),
            ..v1::ToolCallRecord::default()
        };
        Self {
            success: observed.success,
            output: observed.output,
            output_truncated: observed.output_bytes_left_out > 0,
            error: observed.error.unwrap_or_default(),
            globals: observed.globals,
            tool_results: observed.tool_results.into_iter().map(result).collect(),
            error_output: observed.error_output,
            output_bytes_left_out: observed.output_bytes_left_out,
            error_output_bytes_left_out: observed.error_output_bytes_left_out,
            ..Self::default()
        }
    }
}
