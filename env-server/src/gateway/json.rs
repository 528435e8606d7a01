//! Messages as JSON: the names of the protocol's fields, with JSON values where the protocol holds JSON as text, and seconds
//! for durations. What is not set is `null`.

use std::collections::BTreeMap;

use prost_types::Duration;
use proto::env::v1;
use proto::env::{end_reason_name, error_kind_name};
use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What an agent sees of a step.
#[derive(Serialize)]
pub struct Observation {
    success: bool,
    output: String,
    output_truncated: bool,
    output_bytes_left_out: u64,
    error_output: String,
    error_output_bytes_left_out: u64,
    error: String,
    error_kind: Option<String>,
    exception_type: Option<String>,
    globals: Vec<String>,
    tool_results: Vec<ToolCall>,
}

/// What an agent knows before the first step.
#[derive(Serialize)]
pub struct Opening {
    goal: String,
    public: Option<Box<RawValue>>,
    tools: Vec<Tool>,
}

/// Facts about an episode that begins.
#[derive(Serialize)]
pub struct Beginning {
    episode_id: String,
    step_count: u64,
    set: String,
    task_id: String,
    family: String,
    public_sha256: String,
    interpreter_state: Option<&'static str>,
    semantics: &'static str,
    state_loss: f64,
    seed: u64,
    limits: Limits,
    lease: Option<f64>,
}

/// Facts about a step.
#[derive(Serialize)]
pub struct Facts {
    step_index: u64,
    terminated: bool,
    truncated: bool,
    end_reason: Option<String>,
    evaluation: Option<Evaluation>,
    tool_calls: Vec<ToolCall>,
    budget_left: BTreeMap<String, i64>,
    steps_left: u32,
    fuel_used: u64,
    run_time: Option<f64>,
    queue_time: Option<f64>,
    state_lost: bool,
}

/// How well a task was solved.
#[derive(Serialize)]
pub struct Evaluation {
    is_solved: bool,
    score: f64,
    metrics: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Tool {
    name: String,
    description: String,
    parameters: Vec<Parameter>,
    returns: String,
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    r#type: String,
}

#[derive(Serialize)]
struct ToolCall {
    name: String,
    arguments: Option<Box<RawValue>>,
    result: Option<Box<RawValue>>,
    error: Option<String>,
    error_type: Option<String>,
}

/// The limits of an episode. Those that a client leaves out are the server's.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    max_steps: u32,
    tool_calls_per_step: u32,
    fuel_per_step: u64,
    wall_clock_per_step: Option<f64>,
    memory_bytes: u64,
    output_bytes_per_step: u64,
    error_output_bytes_per_step: u64,
    code_bytes_per_step: u64,
    tool_bytes_per_step: u64,
    scratch_bytes: u64,
}

impl From<v1::Observation> for Observation {
    fn from(observation: v1::Observation) -> Self {
        let kind = observation.error_kind();
        Self {
            success: observation.success,
            output: observation.output,
            output_truncated: observation.output_truncated,
            output_bytes_left_out: observation.output_bytes_left_out,
            error_output: observation.error_output,
            error_output_bytes_left_out: observation.error_output_bytes_left_out,
            error: observation.error,
            error_kind: (kind != v1::ErrorKind::Unspecified).then(|| error_kind_name(kind)),
            exception_type: some(observation.exception_type),
            globals: observation.globals,
            tool_results: observation.tool_results.into_iter().map(ToolCall::from).collect(),
        }
    }
}

impl Observation {
    /// Whether there was no error.
    pub fn is_success(&self) -> bool {
        self.success
    }

    /// What a model reads: standard output, standard error, the error, each from a new line on.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in [&self.output, &self.error_output, &self.error] {
            if !text.is_empty() && !text.ends_with('\n') && !part.is_empty() {
                text.push('\n');
            }
            text.push_str(part);
        }
        text
    }
}

impl Opening {
    /// What a model reads: the goal, the public data, and the functions with their descriptions.
    pub fn text(&self) -> String {
        let tool = |tool: &Tool| {
            let parameter = |parameter: &Parameter| format!("{}: {}", parameter.name, parameter.r#type);
            let parameters: Vec<String> = tool.parameters.iter().map(parameter).collect();
            format!("\n{}({}) -> {}: {}", tool.name, parameters.join(", "), tool.returns, tool.description)
        };
        let public = self.public.as_ref().map_or("{}", |public| public.get());
        let tools: String = self.tools.iter().map(tool).collect();
        format!("{}\n\nData: {public}\n\nFunctions:{tools}", self.goal)
    }
}

impl From<v1::InitialObservation> for Opening {
    fn from(observation: v1::InitialObservation) -> Self {
        let tool = |tool: v1::Tool| Tool {
            name: tool.name,
            description: tool.description,
            parameters: tool
                .parameters
                .into_iter()
                .map(|parameter| Parameter { name: parameter.name, r#type: parameter.r#type })
                .collect(),
            returns: tool.returns,
        };
        Self {
            goal: observation.goal,
            public: raw(observation.public_json),
            tools: observation.tools.into_iter().map(tool).collect(),
        }
    }
}

impl Beginning {
    /// Those of an episode in which this many steps were taken.
    pub fn new(created: v1::CreateEpisodeResponse, step_count: u64) -> (Opening, Self) {
        let state = InterpreterState::from_wire(created.interpreter_state());
        let semantics = Semantics::from_wire(created.semantics());
        let task = created.task.unwrap_or_default();
        let beginning = Self {
            episode_id: created.episode_id,
            step_count,
            set: task.set,
            task_id: task.task_id,
            family: task.family,
            public_sha256: task.public_sha256,
            interpreter_state: state.map(InterpreterState::name),
            semantics: semantics.name(),
            state_loss: created.state_loss,
            seed: created.seed,
            limits: created.limits.unwrap_or_default().into(),
            lease: created.lease.and_then(|lease| seconds(lease.duration)),
        };
        (created.observation.unwrap_or_default().into(), beginning)
    }
}

impl From<v1::Limits> for Limits {
    fn from(limits: v1::Limits) -> Self {
        Self {
            max_steps: limits.max_steps,
            tool_calls_per_step: limits.tool_calls_per_step,
            fuel_per_step: limits.fuel_per_step,
            wall_clock_per_step: seconds(limits.wall_clock_per_step),
            memory_bytes: limits.memory_bytes,
            output_bytes_per_step: limits.output_bytes_per_step,
            error_output_bytes_per_step: limits.error_output_bytes_per_step,
            code_bytes_per_step: limits.code_bytes_per_step,
            tool_bytes_per_step: limits.tool_bytes_per_step,
            scratch_bytes: limits.scratch_bytes,
        }
    }
}

impl Limits {
    /// The message; `None` if `wall_clock_per_step` is no number of seconds.
    pub fn message(self) -> Option<v1::Limits> {
        let wall_clock_per_step = match self.wall_clock_per_step {
            Some(limit) => Some(duration(limit)?),
            None => None,
        };
        Some(v1::Limits {
            max_steps: self.max_steps,
            tool_calls_per_step: self.tool_calls_per_step,
            fuel_per_step: self.fuel_per_step,
            wall_clock_per_step,
            memory_bytes: self.memory_bytes,
            output_bytes_per_step: self.output_bytes_per_step,
            error_output_bytes_per_step: self.error_output_bytes_per_step,
            code_bytes_per_step: self.code_bytes_per_step,
            tool_bytes_per_step: self.tool_bytes_per_step,
            scratch_bytes: self.scratch_bytes,
        })
    }
}

impl Facts {
    /// What a step answers, apart from its reward: what the agent sees, and the facts.
    pub fn new(stepped: v1::StepResponse) -> (Observation, Self) {
        let reason = stepped.end_reason();
        let info = stepped.info.unwrap_or_default();
        let facts = Self {
            step_index: stepped.step_index,
            terminated: stepped.terminated,
            truncated: stepped.truncated,
            end_reason: (reason != v1::EndReason::Unspecified).then(|| end_reason_name(reason)),
            evaluation: stepped.evaluation.map(Evaluation::from),
            tool_calls: info.tool_calls.into_iter().map(ToolCall::from).collect(),
            budget_left: info.budget_left.into_iter().collect(),
            steps_left: info.steps_left,
            fuel_used: info.fuel_used,
            run_time: seconds(info.run_time),
            queue_time: seconds(info.queue_time),
            state_lost: info.state_lost,
        };
        (stepped.observation.unwrap_or_default().into(), facts)
    }
}

impl From<v1::Evaluation> for Evaluation {
    fn from(evaluation: v1::Evaluation) -> Self {
        Self {
            is_solved: evaluation.is_solved,
            score: evaluation.score,
            metrics: raw(evaluation.metrics_json),
        }
    }
}

impl From<v1::ToolCallRecord> for ToolCall {
    fn from(call: v1::ToolCallRecord) -> Self {
        Self {
            name: call.name,
            arguments: raw(call.arguments_json),
            result: raw(call.result_json),
            error: some(call.error),
            error_type: some(call.error_type),
        }
    }
}

/// JSON that is text as it stands: its numbers are not read, so that none changes.
fn raw(json: String) -> Option<Box<RawValue>> {
    RawValue::from_string(json).ok()
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn seconds(duration: Option<Duration>) -> Option<f64> {
    std::time::Duration::try_from(duration?).ok().map(|duration| duration.as_secs_f64())
}

/// A number of seconds as the protocol has it; `None` if it is none.
pub fn duration(seconds: f64) -> Option<Duration> {
    std::time::Duration::try_from_secs_f64(seconds).ok()?.try_into().ok()
}
