//! Messages as the dataclasses of `runtime_gym/_types.py`: their fields in order. An empty text that stands for nothing is `None`,
//! durations are seconds, times are `datetime`s, and what the protocol holds as JSON is read by Python's `json`.

use prost_types::{Duration, Timestamp};
use proto::env::v1;
use proto::env::{end_reason_name, error_kind_name};
use proto::interpreter_state::InterpreterState;
use proto::semantics::Semantics;
use pyo3::BoundObject as _;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use pythonize::pythonize;

/// What Python gets for it.
pub trait ToPython {
    /// The Python object.
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>>;
}

/// An answer on its way to asyncio.
pub struct Answer<T>(pub T);

impl<'py, T: ToPython> IntoPyObject<'py> for Answer<T> {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        self.0.to_python(py)
    }
}

/// An instance of a class of `runtime_gym._types`, from its fields in order.
macro_rules! make {
    ($py:expr, $class:literal, $($field:expr),+ $(,)?) => {{
        let py = $py;
        let fields = [$($field.into_pyobject(py).map_err(Into::<PyErr>::into)?.into_any().into_bound()),+];
        types(py)?.getattr(pyo3::intern!(py, $class))?.call1(PyTuple::new(py, fields)?)
    }};
}

fn types(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static TYPES: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let types = TYPES.get_or_try_init(py, || Ok::<_, PyErr>(py.import("runtime_gym._types")?.unbind()))?;
    Ok(types.bind(py))
}

/// A JSON value; `None` for an empty text.
fn json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if text.is_empty() {
        return Ok(py.None().into_bound(py));
    }
    LOADS.import(py, "json", "loads")?.call1((text,))
}

/// A member of an enum of `runtime_gym._types`; `None` without a name.
fn member<'py>(py: Python<'py>, class: &str, name: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
    match name {
        Some(name) => types(py)?.getattr(class)?.call1((name,)),
        None => Ok(py.None().into_bound(py)),
    }
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn seconds(duration: Option<Duration>) -> Option<f64> {
    duration.map(|duration| duration.seconds as f64 + f64::from(duration.nanos) * 1e-9)
}

fn time<'py>(py: Python<'py>, time: Option<Timestamp>) -> PyResult<Bound<'py, PyAny>> {
    let seconds = time.map(|time| time.seconds as f64 + f64::from(time.nanos) * 1e-9);
    types(py)?.getattr("time")?.call1((seconds,))
}

fn state(state: i32) -> Option<&'static str> {
    InterpreterState::from_wire(v1::InterpreterState::try_from(state).ok()?).map(InterpreterState::name)
}

fn semantics(semantics: i32) -> &'static str {
    Semantics::from_wire(v1::Semantics::try_from(semantics).unwrap_or_default()).name()
}

fn end_reason<'py>(py: Python<'py>, reason: i32) -> PyResult<Bound<'py, PyAny>> {
    let reason = v1::EndReason::try_from(reason).ok().filter(|reason| *reason != v1::EndReason::Unspecified);
    member(py, "EndReason", reason.map(end_reason_name).as_deref())
}

/// A tuple of them.
fn each<'py, T: ToPython>(py: Python<'py>, all: Vec<T>) -> PyResult<Bound<'py, PyTuple>> {
    let all: PyResult<Vec<_>> = all.into_iter().map(|one| one.to_python(py)).collect();
    PyTuple::new(py, all?)
}

fn perhaps<'py, T: ToPython>(py: Python<'py>, one: Option<T>) -> PyResult<Bound<'py, PyAny>> {
    one.map_or_else(|| Ok(py.None().into_bound(py)), |one| one.to_python(py))
}

impl ToPython for () {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(py.None().into_bound(py))
    }
}

/// Bytes of a file.
impl ToPython for Vec<u8> {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyBytes::new(py, &self).into_any())
    }
}

/// Names of episodes.
impl ToPython for Vec<String> {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self)?.into_any())
    }
}

/// Several of the same kind.
pub struct List<T>(pub Vec<T>);

impl<T: ToPython> ToPython for List<T> {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all: PyResult<Vec<_>> = self.0.into_iter().map(|one| one.to_python(py)).collect();
        Ok(PyList::new(py, all?)?.into_any())
    }
}

/// An answer or an exception among several.
impl<T: ToPython> ToPython for Result<T, client::CallError> {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Ok(answer) => answer.to_python(py),
            Err(error) => crate::errors::exception(py, &error.into()),
        }
    }
}

impl ToPython for v1::TaskSummary {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let difficulty = json(py, &self.difficulty_json)?;
        make!(py, "Task", self.set, self.task_id, self.family, self.seed, difficulty, self.public_sha256)
    }
}

impl ToPython for v1::Limits {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        make!(
            py,
            "Limits",
            self.max_steps,
            self.tool_calls_per_step,
            self.fuel_per_step,
            seconds(self.wall_clock_per_step),
            self.memory_bytes,
            self.output_bytes_per_step,
            self.code_bytes_per_step,
            self.tool_bytes_per_step,
            self.scratch_bytes,
            self.error_output_bytes_per_step,
        )
    }
}

impl ToPython for v1::ToolParameter {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        make!(py, "ToolParameter", self.name, self.r#type)
    }
}

impl ToPython for v1::Tool {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        make!(py, "Tool", self.name, self.description, each(py, self.parameters)?, self.returns)
    }
}

impl ToPython for v1::CreateEpisodeResponse {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let observation = self.observation.unwrap_or_default();
        make!(
            py,
            "Created",
            self.episode_id,
            perhaps(py, self.task)?,
            observation.goal,
            json(py, &observation.public_json)?,
            each(py, observation.tools)?,
            member(py, "InterpreterState", state(self.interpreter_state))?,
            member(py, "Semantics", Some(semantics(self.semantics)))?,
            self.seed,
            perhaps(py, self.limits)?,
            seconds(self.lease.and_then(|lease| lease.duration)).unwrap_or_default(),
            self.state_loss,
        )
    }
}

impl ToPython for v1::ToolCallRecord {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (arguments, result) = (json(py, &self.arguments_json)?, json(py, &self.result_json)?);
        make!(py, "ToolCall", self.name, arguments, result, some(self.error), some(self.error_type))
    }
}

impl ToPython for v1::Observation {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let kind = self.error_kind();
        let kind = (kind != v1::ErrorKind::Unspecified).then(|| error_kind_name(kind));
        make!(
            py,
            "Observation",
            self.success,
            self.output,
            self.error_output,
            some(self.error),
            member(py, "ErrorKind", kind.as_deref())?,
            some(self.exception_type),
            PyTuple::new(py, self.globals)?,
            self.output_bytes_left_out,
            self.error_output_bytes_left_out,
            each(py, self.tool_results)?,
        )
    }
}

impl ToPython for v1::StepInfo {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let budgets = PyDict::new(py);
        // Sorted: the order of a protobuf map is no order.
        let mut left: Vec<_> = self.budget_left.into_iter().collect();
        left.sort_unstable();
        left.into_iter().try_for_each(|(name, left)| budgets.set_item(name, left))?;
        let definitions = PyDict::new(py);
        let mut defined = self.definitions.into_iter();
        defined.try_for_each(|one| definitions.set_item(one.name, one.digest))?;
        make!(
            py,
            "StepInfo",
            each(py, self.tool_calls)?,
            budgets,
            self.steps_left,
            self.fuel_used,
            seconds(self.run_time),
            seconds(self.queue_time),
            definitions,
            self.state_lost,
        )
    }
}

impl ToPython for v1::Evaluation {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        make!(py, "Evaluation", self.is_solved, self.score, json(py, &self.metrics_json)?)
    }
}

impl ToPython for v1::StepResponse {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        make!(
            py,
            "Step",
            self.step_index,
            self.observation.unwrap_or_default().to_python(py)?,
            self.reward,
            self.terminated,
            self.truncated,
            end_reason(py, self.end_reason)?,
            self.info.unwrap_or_default().to_python(py)?,
            perhaps(py, self.evaluation)?,
        )
    }
}

impl ToPython for v1::CloseEpisodeResponse {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        make!(py, "Closed", end_reason(py, self.end_reason)?, perhaps(py, self.evaluation)?, self.steps)
    }
}

impl ToPython for v1::EpisodeSummary {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let lease = self.lease.unwrap_or_default();
        make!(
            py,
            "EpisodeSummary",
            self.episode_id,
            perhaps(py, self.task)?,
            member(py, "InterpreterState", state(self.interpreter_state))?,
            member(py, "Semantics", Some(semantics(self.semantics)))?,
            self.seed,
            self.next_step_index,
            self.ended,
            end_reason(py, self.end_reason)?,
            time(py, self.created_at)?,
            seconds(lease.duration).unwrap_or_default(),
            time(py, lease.expires_at)?,
            some(self.forked_from),
            self.state_loss,
            self.fuel_used,
            seconds(self.run_time),
        )
    }
}

/// What an episode is, and where it stands.
impl ToPython for v1::GetEpisodeResponse {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let observation = self.observation.unwrap_or_default();
        make!(
            py,
            "EpisodeState",
            self.episode.unwrap_or_default().to_python(py)?,
            observation.goal,
            json(py, &observation.public_json)?,
            each(py, observation.tools)?,
            perhaps(py, self.limits)?,
            perhaps(py, self.evaluation)?,
        )
    }
}

impl ToPython for v1::TaskSet {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        make!(py, "TaskSet", self.name, self.size, PyTuple::new(py, self.families)?)
    }
}

/// A server, at a URL.
pub struct Info(pub String, pub v1::GetServerInfoResponse);

impl ToPython for Info {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Self(url, info) = self;
        let durability = match info.durability() {
            v1::Durability::Unspecified => None,
            v1::Durability::Off => Some("off"),
            v1::Durability::Process => Some("process"),
            v1::Durability::Sync => Some("sync"),
        };
        make!(
            py,
            "ServerInfo",
            url,
            some(info.server_name),
            info.version,
            some(info.commit),
            info.python_version,
            info.interpreter_sha256,
            each(py, info.task_sets)?,
            PyTuple::new(py, info.families)?,
            perhaps(py, info.default_limits)?,
            info.open_episodes,
            info.running_episodes,
            info.server_limits.map(|limits| limits.max_episodes),
            info.episodes_created,
            info.steps_run,
            member(py, "Durability", durability)?,
            info.boot_id,
        )
    }
}

/// What a block of code in this process did.
pub struct Outcome {
    /// The kind of its failure.
    pub kind: v1::ErrorKind,
    /// The class of the exception that ended it.
    pub exception: String,
    /// The rest.
    pub outcome: sandbox::Outcome,
}

impl ToPython for Outcome {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Self { kind, exception, outcome } = self;
        let kind = (kind != v1::ErrorKind::Unspecified).then(|| error_kind_name(kind));
        make!(
            py,
            "Outcome",
            outcome.success,
            outcome.output,
            outcome.error_output,
            outcome.error,
            member(py, "ErrorKind", kind.as_deref())?,
            some(exception),
            PyTuple::new(py, outcome.globals)?,
            outcome.output_left_out,
            outcome.error_output_left_out,
            outcome.fuel_used,
            outcome.wall.as_secs_f64(),
            each(py, outcome.tool_calls)?,
        )
    }
}

impl ToPython for sandbox::ToolRecord {
    fn to_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let value =
            |argument: sandbox::Argument| argument.value.map(|value| pythonize(py, &value)).transpose();
        let args: Result<Vec<_>, _> = self.call.args.into_iter().map(value).collect();
        let args = PyList::new(py, args?)?;
        let kwargs = PyDict::new(py);
        for (name, argument) in self.call.kwargs {
            kwargs.set_item(name, value(argument)?)?;
        }
        // As the protocol has it.
        let arguments = match (args.is_empty(), kwargs.is_empty()) {
            (_, true) => args.into_any(),
            (true, false) => kwargs.into_any(),
            (false, false) => {
                kwargs.set_item("*", args)?;
                kwargs.into_any()
            }
        };
        let (answer, error, kind) = match self.answer {
            Ok(answer) => (pythonize(py, &answer)?, None, None),
            Err(error) => (py.None().into_bound(py), Some(error.message), Some(error.kind.exception())),
        };
        make!(py, "ToolCall", self.call.name, arguments, answer, error, kind)
    }
}
