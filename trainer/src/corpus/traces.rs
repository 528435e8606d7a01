//! Traces of episodes as conversations.

use std::path::Path;

use proto::python_json;
use proto::run::{EpisodeResult, Status};
use proto::trace::{EventKind, InterpreterResult, Step, Trace};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::files::Files;
use super::{Content, Reader, TraceOptions};
use crate::chat::{Message, Role};
use crate::digest::Hasher;
use crate::{Error, Result};

const TRACE: &str = ".trace.json";

/// How what the environment answered is written into a conversation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Observations {
    /// As the agent of this repository showed it to the model, in full or in short as its config chose, the system
    /// prompts one by one. The conversation is then the one that the agent keeps and sends. Only what it never keeps is missing: the
    /// names in a persistent interpreter, which it shows at the end of each request.
    Agent,
    /// As the paper trains: `{"error": ..}` if there was one, else `{"output": ..}`, else nothing; the system
    /// prompts joined into one.
    Paper,
}

impl Observations {
    /// What suits a trace: those of our agent are learnt from as it shows them, so that a model is run on what it
    /// was trained on; others (of the paper's system, which record no schema) as in the paper.
    pub fn of(trace: &Trace) -> Self {
        let ours =
            trace.provenance.as_ref().is_some_and(|origin| origin.schema_version.starts_with("runtime_gym."));
        if ours { Self::Agent } else { Self::Paper }
    }
}

/// Reads the traces below a folder, or in an archive, in order of name; returns a hash of names and contents.
pub fn read(path: &Path, options: &TraceOptions, reader: &mut Reader<'_>) -> Result<String> {
    let files = Files::open(path)?;
    let mut hasher = Hasher::default();
    let mut found = false;
    for name in files.names() {
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(TRACE)) else { continue };
        found = true;
        let result = Path::new(&format!("{stem}.json")).to_owned();
        let result = files.contains(&result).then_some(result);
        let trace = files.content(&name)?;
        hasher.add_named(&name, &trace);

        let mut evaluated = None;
        if let Some(result) = &result {
            let content = files.content(result)?;
            hasher.add_named(result, &content);
            match parse::<EpisodeResult>(&files.path(result), &content) {
                Ok(result) => evaluated = Some(result),
                Err(error) => {
                    reader.take(String::new(), Err(error))?;
                    continue;
                }
            }
        }
        if let Some(reason) = unwanted(evaluated.as_ref(), options) {
            reader.leave_out(reason);
            continue;
        }
        let path = files.path(&name);
        let content = parse::<Trace>(&path, &trace).and_then(|trace| {
            check(&path, &trace)?;
            let observations = options.observations.unwrap_or_else(|| Observations::of(&trace));
            Ok(Content::Conversation(conversation(&trace, observations)))
        });
        reader.take(path.display().to_string(), content)?;
    }
    if !found {
        let problem =
            format!("no traces found; give a run's folder, or a .tar.gz of one, with *{TRACE} files in it");
        return Err(Error::file(path)(std::io::Error::other(problem)));
    }
    Ok(hasher.finish())
}

/// Why an episode is not to be learnt from, if so.
fn unwanted(result: Option<&EpisodeResult>, options: &TraceOptions) -> Option<&'static str> {
    if result.is_some_and(|result| result.status == Status::Failed) {
        return Some("episode failed");
    }
    let evaluation = result.and_then(|result| result.result.as_ref());
    let score = evaluation.map_or(f64::NEG_INFINITY, |evaluation| evaluation.score);
    match evaluation {
        None if options.only_solved || options.min_score.is_some() => Some("no evaluation"),
        Some(evaluation) if options.only_solved && !evaluation.is_solved => Some("not solved"),
        _ if options.min_score.is_some_and(|least| score < least) => Some("score too low"),
        _ => None,
    }
}

fn parse<T: DeserializeOwned>(path: &Path, content: &[u8]) -> Result<T> {
    serde_json::from_slice(content).map_err(|reason| Error::Json { path: path.into(), reason })
}

/// A step that lacks the shape of a step would load as an unknown event, and be missing from the conversation.
fn check(path: &Path, trace: &Trace) -> Result<()> {
    for (number, event) in trace.events.iter().enumerate() {
        if let EventKind::Other(value) = &event.kind
            && value["type"] == "StepEvent"
        {
            let reason = serde_json::from_value::<Step>(value["data"].clone()).err();
            let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            return Err(Error::key(path, format!("events[{number}]"), format!("is no StepEvent{reason}")));
        }
    }
    match trace.summary.task.is_empty() {
        true => Err(Error::key(path, "summary.task", "is missing")),
        false => Ok(()),
    }
}

/// The conversation that a trace records: system prompts, the task as the user's first turn, then what the model
/// wrote and what it was answered, in turn. The answer to its last turn it never saw.
pub fn conversation(trace: &Trace, observations: Observations) -> Vec<Message> {
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    let prompts = &trace.summary.system_prompts;
    let mut messages: Vec<Message> = match observations {
        Observations::Agent => prompts.iter().map(|prompt| message(Role::System, prompt)).collect(),
        Observations::Paper if prompts.is_empty() => vec![],
        Observations::Paper => vec![message(Role::System, &prompts.join("\n\n"))],
    };
    messages.push(message(Role::User, &trace.summary.task));
    let compact = trace.provenance.as_ref().is_some_and(|it| it.agent["prompt"]["observation"] == "compact");
    let steps = trace.events.iter().filter_map(|event| match &event.kind {
        EventKind::StepEvent(step) => Some(step),
        _ => None,
    });
    for step in steps {
        // There is none where the model could not be asked.
        if !step.assistant_text.is_empty() {
            messages.push(message(Role::Assistant, &step.assistant_text));
        }
        let observation = match observations {
            Observations::Agent => as_the_agent(step, compact),
            Observations::Paper => as_the_paper(step),
        };
        messages.extend(observation.map(|text| message(Role::User, &text)));
    }
    let answered = messages.iter().rposition(|message| message.role == Role::Assistant);
    // Without an answer, there is still a task.
    messages.truncate(answered.map_or(messages.len(), |last| last + 1));
    messages
}

/// What the agent shows where an answer holds no code: that is no error, and no step's result.
pub const NO_BLOCK: &str = "Your answer holds no code block; nothing was run. To act, write one ```python block; to end the \
     task, call finish() in it.";

fn as_the_agent(step: &Step, compact: bool) -> Option<String> {
    let shown = |result: &InterpreterResult| {
        let InterpreterResult { success, result, output, error } = result;
        let shown = match (compact, error) {
            (false, _) => json!({ "success": success, "result": result, "output": output, "error": error }),
            (true, Some(error)) => json!({ "error": error }),
            (true, None) => json!({ "output": output }),
        };
        shown.to_string()
    };
    if let Some(outputs) = tool_outputs(step) {
        return Some(outputs);
    }
    match (&step.interpreter_result, &step.error) {
        (Some(result), _) => Some(shown(result)),
        (None, Some(error)) => {
            Some(shown(&InterpreterResult { error: Some(error.clone()), ..InterpreterResult::default() }))
        }
        (None, None) if step.code.is_none() => Some(NO_BLOCK.to_owned()),
        // The server was lost, and the episode with it.
        (None, None) => None,
    }
}

fn as_the_paper(step: &Step) -> Option<String> {
    let result = step.interpreter_result.as_ref();
    let error = step.error.as_ref().or_else(|| result.and_then(|result| result.error.as_ref()));
    match (error, result) {
        (Some(error), _) => Some(python_json::dumps(&json!({ "error": error }))),
        (None, None) => tool_outputs(step),
        (None, Some(result)) => Some(python_json::dumps(&json!({ "output": result.output }))),
    }
}

/// A tool-calling agent's (ReAct): a line a call.
fn tool_outputs(step: &Step) -> Option<String> {
    let line = |call: &proto::trace::ToolOutput| format!("Observation: [{}] {}", call.tool, call.output);
    let results = step.results.as_ref()?;
    Some(results.iter().map(line).collect::<Vec<_>>().join("\n"))
}
