//! A trace as a row of the index. Most of its text is skipped, so that many traces are read quickly.

use std::borrow::Cow;
use std::fs;

use anyhow::Context as _;
use proto::run::{EpisodeResult, Status};
use proto::trace::{TokenUsage, exception_in, is_missing_variable};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::found::FoundTrace;
use crate::turn::Turn;

/// A row of the index.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// The trace's id.
    pub id: String,
    /// The id of its run's folder.
    pub run: String,
    /// The agent's name.
    pub agent: String,
    /// The task's id.
    pub task: String,
    /// The task's family.
    pub family: String,
    /// SHA-256 of the task's public data; empty if the trace does not have it.
    pub task_sha256: String,
    /// `persistent` or `reset`; empty if the trace does not say.
    pub interpreter_state: String,
    /// Whether the model calls tools itself (ReAct).
    pub calls_tools: bool,
    /// The model.
    pub model: String,
    /// Whether the episode failed: the machinery, not the agent.
    pub failed: bool,
    /// Whether the task was solved exactly; none without an evaluation.
    pub solved: Option<bool>,
    /// The score, 0 to 1; none without an evaluation.
    pub score: Option<f64>,
    /// Why it ended.
    pub finish_reason: String,
    /// The outcome of each turn, as a letter (see [`crate::turn`]).
    pub outcomes: String,
    /// Turns that missed a variable.
    pub missing_variables: usize,
    /// The kinds of its errors, each once.
    pub error_kinds: Vec<String>,
    /// Tokens that the model wrote.
    pub written_tokens: u64,
    /// All tokens, summed over turns.
    pub all_tokens: u64,
    /// Whether the counts are estimates.
    pub estimated: bool,
    /// The trace's size.
    pub bytes: u64,
    /// When the episode began (RFC 3339); empty if the trace does not say.
    pub started_at: String,
}

impl Row {
    /// Reads the row of a trace. A result that is missing or cannot be read leaves its fields empty.
    ///
    /// # Errors
    /// If the trace cannot be read.
    pub fn read(found: &FoundTrace) -> anyhow::Result<Self> {
        let path = found.files.trace();
        let content = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let trace: Light<'_> =
            serde_json::from_slice(&content).with_context(|| path.display().to_string())?;
        let result: Option<EpisodeResult> =
            found.files.has_result.then(|| files::read_json(&found.files.result()).ok()).flatten();
        let evaluation = result.as_ref().and_then(|result| result.result.as_ref());
        let origin = trace.provenance.unwrap_or_default();
        let agent = found.files.place().agent.unwrap_or_else(|| origin.agent.name.to_string());
        let turns = turns(&trace.events);
        let or = |value: &str, otherwise: &str| if value.is_empty() { otherwise } else { value }.to_owned();
        Ok(Self {
            id: found.id.clone(),
            run: found.run.clone(),
            agent,
            task: or(&origin.task_id, found.files.task_id()),
            family: or(&origin.family, found.files.family()),
            task_sha256: origin.task_sha256.into_owned(),
            interpreter_state: origin.interpreter_state.into_owned(),
            calls_tools: origin.agent.agent_type == "react",
            model: origin.versions.model.into_owned(),
            failed: result.as_ref().is_some_and(|result| result.status == Status::Failed),
            solved: evaluation.map(|evaluation| evaluation.is_solved),
            score: evaluation.map(|evaluation| evaluation.score),
            finish_reason: trace.summary.finish_reason.unwrap_or_default().into_owned(),
            outcomes: turns.iter().map(|(turn, _)| turn.letter()).collect(),
            missing_variables: turns.iter().filter(|(turn, _)| *turn == Turn::MissingVariable).count(),
            error_kinds: kinds(&turns),
            written_tokens: trace.summary.token_usage.completion_tokens,
            all_tokens: trace.summary.token_usage.total_tokens,
            estimated: trace.summary.token_usage.estimated,
            bytes: content.len() as u64,
            started_at: trace.started_at.unwrap_or_default().into_owned(),
        })
    }
}

/// The parts of a trace that a row has.
#[derive(Deserialize)]
struct Light<'a> {
    #[serde(borrow, default)]
    started_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    provenance: Option<Origin<'a>>,
    #[serde(borrow)]
    summary: Summary<'a>,
    #[serde(borrow, default)]
    events: Vec<Event<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Origin<'a> {
    #[serde(borrow)]
    task_id: Cow<'a, str>,
    #[serde(borrow)]
    family: Cow<'a, str>,
    #[serde(borrow)]
    task_sha256: Cow<'a, str>,
    #[serde(borrow)]
    interpreter_state: Cow<'a, str>,
    #[serde(borrow)]
    agent: Agent<'a>,
    #[serde(borrow)]
    versions: Versions<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Agent<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    agent_type: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Versions<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary<'a> {
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
    token_usage: TokenUsage,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Data<'a>,
}

/// What the events that count have in common.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Data<'a> {
    /// Of a model's answer.
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
    /// Of a step, as all below.
    #[serde(borrow)]
    interpreter_result: Option<Ran<'a>>,
    results: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
    #[serde(borrow)]
    info: Option<Info<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ran<'a> {
    success: bool,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info<'a> {
    #[serde(borrow)]
    error_kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    exception_type: Option<Cow<'a, str>>,
}

/// The outcome of every step, and the kind of its error. The rules are those of [`crate::turn`].
fn turns<'a>(events: &'a [Event<'a>]) -> Vec<(Turn, Option<&'a str>)> {
    let mut stopped = None;
    let mut turns = Vec::new();
    for Event { kind, data } in events {
        match &**kind {
            "ModelCallEvent" => stopped = None,
            "ModelResponseEvent" => stopped = data.finish_reason.as_deref(),
            "StepEvent" => turns.push((outcome(data, stopped), kind_of(data))),
            _ => {}
        }
    }
    turns
}

fn outcome(step: &Data<'_>, stopped: Option<&str>) -> Turn {
    let result = step.interpreter_result.as_ref();
    if result.is_none() && step.results.is_none() {
        return if stopped.is_some_and(|reason| reason != "stop") { Turn::Cut } else { Turn::NothingRan };
    }
    let recorded = step.info.as_ref().and_then(|info| info.exception_type.as_deref());
    let in_text = || exception_in(result?.error.as_deref()?);
    if recorded.or_else(in_text).is_some_and(is_missing_variable) {
        return Turn::MissingVariable;
    }
    if step.error.is_some() || result.is_some_and(|result| !result.success) {
        Turn::OtherError
    } else {
        Turn::Ok
    }
}

/// The kind of a step's error: the exception's class, the server's kind, or `not run`.
fn kind_of<'a>(step: &'a Data<'a>) -> Option<&'a str> {
    let info = step.info.as_ref();
    let recorded = info.and_then(|info| info.exception_type.as_deref().or(info.error_kind.as_deref()));
    let text = step.interpreter_result.as_ref().and_then(|result| result.error.as_deref());
    recorded
        .or_else(|| text.map(|text| exception_in(text).unwrap_or_default()))
        .or_else(|| step.error.is_some().then_some("not run"))
}

fn kinds(turns: &[(Turn, Option<&str>)]) -> Vec<String> {
    let mut kinds: Vec<String> = Vec::new();
    for kind in turns.iter().filter_map(|(_, kind)| *kind) {
        if !kinds.iter().any(|known| known == kind) {
            kinds.push(kind.to_owned());
        }
    }
    kinds
}
