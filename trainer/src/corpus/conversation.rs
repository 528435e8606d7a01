//! A trace as the conversation that a model learns from.

use proto::conversation::{self, Message, NO_BLOCK, ObservationFormat, Role};
use proto::dataset::Observations;
use proto::python_json;
use proto::trace::{EventKind, Step, Trace};
use serde_json::json;

/// How the observations of a trace are written by default. Traces of this repository's agent are learnt in
/// the agent's own format, so that a model is run on what it was trained on. Others (of the paper's system,
/// which record no schema) are written as the paper trains.
pub fn default_observations(trace: &Trace) -> Observations {
    let ours =
        trace.provenance.as_ref().is_some_and(|origin| origin.schema_version.starts_with("runtime_gym."));
    if ours { Observations::Agent } else { Observations::Paper }
}

/// The conversation that a trace records: system prompts, the task as the user's first message, then the
/// model's messages and the observations in turn. It ends with the model's last message, since the model
/// never saw the observation after it.
pub fn conversation(trace: &Trace, observations: Observations) -> Vec<Message> {
    let prompts = &trace.summary.system_prompts;
    let mut messages: Vec<Message> = match observations {
        Observations::Agent => prompts.iter().map(Message::system).collect(),
        Observations::Paper if prompts.is_empty() => vec![],
        Observations::Paper => vec![Message::system(prompts.join("\n\n"))],
    };
    messages.push(Message::user(&trace.summary.task));
    let format = ObservationFormat::of(trace);
    let steps = trace.events.iter().filter_map(|event| match &event.kind {
        EventKind::StepEvent(step) => Some(step),
        _ => None,
    });
    for step in steps {
        // Empty if the model could not be asked.
        if !step.assistant_text.is_empty() {
            messages.push(Message::assistant(&step.assistant_text));
        }
        let observation = match observations {
            Observations::Agent => as_the_agent(step, format),
            Observations::Paper => as_the_paper(step),
        };
        messages.extend(observation.map(Message::user));
    }
    let answered = messages.iter().rposition(|message| message.role == Role::Assistant);
    // Without an answer, the task remains.
    messages.truncate(answered.map_or(messages.len(), |last| last + 1));
    messages
}

fn as_the_agent(step: &Step, format: ObservationFormat) -> Option<String> {
    if let Some(outputs) = &step.results {
        return Some(conversation::tool_outputs(outputs));
    }
    match (&step.interpreter_result, &step.error) {
        (Some(result), _) => Some(conversation::observation(result, format)),
        (None, Some(error)) => Some(conversation::turn_error(error, format)),
        (None, None) if step.code.is_none() => Some(NO_BLOCK.to_owned()),
        // The connection to the server was lost, and the episode with it.
        (None, None) => None,
    }
}

fn as_the_paper(step: &Step) -> Option<String> {
    let result = step.interpreter_result.as_ref();
    let error = step.error.as_ref().or_else(|| result.and_then(|result| result.error.as_ref()));
    match (error, result) {
        (Some(error), _) => Some(python_json::dumps(&json!({ "error": error }))),
        (None, None) => step.results.as_deref().map(conversation::tool_outputs),
        (None, Some(result)) => Some(python_json::dumps(&json!({ "output": result.output }))),
    }
}
