//! A trace, checked: the episode's definition, its steps, its result.

use std::time::Duration;

use proto::interpreter_state::InterpreterState;
use proto::run::{EpisodeResult, Evaluation};
use proto::tool_call::Prepared;
use proto::trace::{EventKind, Provenance, RecordedLimits, SCHEMA_VERSION, Step, StepInfo, Trace};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Error;
use crate::episode::limits::Asked;
use crate::episode::spec;
use crate::episode::step::{Action, DirectCall};

/// An episode as its trace and its result file have it.
#[derive(Debug)]
pub struct Recording {
    /// What identifies the episode.
    pub(super) provenance: Provenance,
    /// Its definition, without the task; `None` if it was not created, so that there is nothing to replay.
    pub(super) request: Option<spec::Request>,
    /// Its steps, in order: their indexes begin with 0 and have no gap.
    pub(super) steps: Vec<RecordedStep>,
    /// Why the agent stopped.
    pub(super) finish_reason: Option<String>,
    /// The evaluation, if the result file is there and has one.
    pub(super) evaluation: Option<Evaluation>,
}

/// A step of the environment, as it was recorded.
#[derive(Debug)]
pub(super) struct RecordedStep {
    /// What was asked for.
    pub action: Action,
    /// The turn that it was taken in, with all that was observed.
    pub turn: Step,
    /// Facts besides; `None` if the call of the step was not answered. It is then the last one.
    pub info: Option<StepInfo>,
}

impl Recording {
    /// Reads a trace, and the result file beside it.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn read(trace: &[u8], result: Option<&[u8]>) -> Result<Self, Error> {
        let trace: Trace = parse("", trace)?;
        let result: Option<EpisodeResult> = result.map(|bytes| parse("result file", bytes)).transpose()?;
        let provenance = trace.provenance.ok_or_else(|| {
            Error::field("provenance", "is missing: a trace of another writer can't be replayed")
        })?;
        if provenance.schema_version != SCHEMA_VERSION {
            let rule = format!("must be {SCHEMA_VERSION}, not {:?}", provenance.schema_version);
            return Err(Error::field("provenance.schema_version", rule));
        }
        let events = trace.events.into_iter().map(|event| event.kind);
        let steps = steps(events, trace.summary.num_steps)?;
        let request = match &provenance.limits {
            Value::Null if steps.is_empty() => None,
            _ => Some(definition(&provenance)?),
        };
        let evaluation = result.and_then(|result| result.result);
        Ok(Self { provenance, request, steps, finish_reason: trace.summary.finish_reason, evaluation })
    }
}

impl RecordedStep {
    /// Whether the machine decided what came of it: how fast it was, or that something crashed there.
    pub fn is_of_the_machine(&self) -> bool {
        let kind = self.info.as_ref().map(|info| info.error_kind.as_deref());
        matches!(kind, None | Some(Some("wall_clock" | "crash")))
    }
}

/// The steps among the events; `turns` is how many turns there are, as the summary says.
fn steps(events: impl Iterator<Item = EventKind>, turns: u64) -> Result<Vec<RecordedStep>, Error> {
    let mut steps: Vec<RecordedStep> = Vec::new();
    let mut found = 0;
    for (event, kind) in events.enumerate() {
        let turn = match kind {
            EventKind::StepEvent(turn) => *turn,
            EventKind::Other(event_json) if event_json["type"] == "StepEvent" => {
                return Err(malformed_step(event, &event_json));
            }
            _ => continue,
        };
        found += 1;
        let at = |key: &str| format!("events[{event}].data.{key}");
        let Some(action) = action(&turn) else { continue };
        if steps.last().is_some_and(|last| last.info.is_none()) {
            return Err(Error::field(
                at("turn"),
                "follows a step without `info`, which must be the last one",
            ));
        }
        let info = turn.info.clone();
        let expected = steps.len() as u64;
        if let Some(found) = info.as_ref().map(|info| info.step_index).filter(|index| *index != expected) {
            let rule = format!("must be {expected}, the index after that of the step before, not {found}");
            return Err(Error::field(at("info.step_index"), rule));
        }
        steps.push(RecordedStep { action, turn, info });
    }
    if found != turns {
        let rule = format!("is {turns}, but there are {found} step events: some were left out or added");
        return Err(Error::field("summary.num_steps", rule));
    }
    Ok(steps)
}

/// What a turn asked of the environment; `None` if it asked for nothing.
fn action(turn: &Step) -> Option<Action> {
    if let Some(code) = &turn.code {
        return Some(Action::Code(code.clone()));
    }
    let calls = Prepared::new(&turn.calls).action()?.calls.into_iter();
    let call = calls.map(|call| DirectCall { name: call.name, arguments_json: call.arguments_json });
    Some(Action::ToolCalls(call.collect()))
}

/// The definition that the provenance tells, without the task.
fn definition(provenance: &Provenance) -> Result<spec::Request, Error> {
    let state = InterpreterState::named(&provenance.interpreter_state).ok_or_else(|| {
        let rule = format!("must be persistent or reset, not {:?}", provenance.interpreter_state);
        Error::field("provenance.interpreter_state", rule)
    })?;
    Ok(spec::Request {
        episode_id: provenance.episode_id.clone(),
        digest: String::new(),
        task: None,
        interpreter_state: Some(state),
        semantics: Some(provenance.semantics),
        limits: limits(&provenance.limits)?,
        seed: Some(provenance.seeds.episode),
        lease: None,
        // As every agent asks for it.
        record_definitions: true,
        state_loss: provenance.state_loss,
        boot_id: String::new(),
    })
}

fn limits(recorded: &Value) -> Result<Asked, Error> {
    let limits: RecordedLimits = parse_value("provenance.limits", recorded)?;
    let bytes = |bytes: u64| Some(usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(Asked {
        max_steps: Some(limits.max_steps),
        tool_calls_per_step: Some(limits.tool_calls_per_step),
        fuel_per_step: Some(limits.fuel_per_step),
        // Set by whoever replays: it is of the machine.
        wall_clock_per_step: None::<Duration>,
        memory_bytes: bytes(limits.memory_bytes),
        output_bytes_per_step: bytes(limits.output_bytes_per_step),
        error_output_bytes_per_step: limits.error_output_bytes_per_step.and_then(bytes),
        code_bytes_per_step: bytes(limits.code_bytes_per_step),
        tool_bytes_per_step: bytes(limits.tool_bytes_per_step),
        scratch_bytes: bytes(limits.scratch_bytes),
    })
}

/// Why an event is no step: the reader takes such an event for one of another writer.
fn malformed_step(event: usize, event_json: &Value) -> Error {
    let data = format!("events[{event}].data");
    match parse_value::<Step>(&data, &event_json["data"]) {
        Err(error) => error,
        Ok(_) => Error::field(format!("events[{event}]"), "is not an event with `data` and a `timestamp`"),
    }
}

fn parse<T: DeserializeOwned>(root: &str, text: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| at(root, &error))?;
    reader.end().map_err(|error| Error::field(root_or_file(root), error.to_string()))?;
    Ok(read)
}

fn parse_value<T: DeserializeOwned>(root: &str, value: &Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|error| at(root, &error))
}

/// The error with the path of its field, which is below `root`.
fn at(root: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let path = error.path().to_string();
    let field = match (root, path.as_str()) {
        (_, ".") => root_or_file(root).to_owned(),
        ("", path) => path.to_owned(),
        (root, path) => format!("{root}.{path}"),
    };
    Error::field(field, error.inner().to_string())
}

fn root_or_file(root: &str) -> &str {
    if root.is_empty() { "the file" } else { root }
}
