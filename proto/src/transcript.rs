//! A trace as the conversation that a model learns from.

use serde_json::json;

use crate::conversation::{self, Message, Role, Shown};
use crate::dataset::Observations;
use crate::python_json;
use crate::trace::{Step, Trace};

/// How the observations of a trace are written by default. Traces of this repository's agent are learnt in
/// the agent's own format, so that a model is run on what it was trained on. Others (of the paper's system,
/// which record no schema) are written as the paper trains.
pub fn default_observations(trace: &Trace) -> Observations {
    let ours =
        trace.provenance.as_ref().is_some_and(|origin| origin.schema_version.starts_with("runtime_gym."));
    if ours { Observations::Agent } else { Observations::Paper }
}

/// What the trace's agent passed to the chat template as `enable_thinking`; `None` if the trace does not say.
pub fn enable_thinking(trace: &Trace) -> Option<bool> {
    trace.provenance.as_ref()?.agent["llm"]["enable_thinking"].as_bool()
}

/// The conversation that a trace records: system prompts, the task as the user's first message, then the
/// model's messages and the observations in turn. It ends with the model's last message, since the model
/// never saw the observation after it.
pub fn conversation(trace: &Trace, observations: Observations) -> Vec<Message> {
    let mut messages = Vec::new();
    let opening = trace.summary.system_prompts.iter().map(Message::system);
    for message in opening.chain([Message::user(&trace.summary.task)]) {
        conversation::push(&mut messages, message);
    }
    let shown = Shown::of(trace);
    for step in trace.steps() {
        let replies = match observations {
            Observations::Agent => conversation::replies(step, shown),
            Observations::Paper => as_the_paper(step).map(Message::user).into_iter().collect(),
        };
        let turn = conversation::said(step).into_iter().chain(replies);
        turn.for_each(|message| conversation::push(&mut messages, message));
    }
    let answered = messages.iter().rposition(|message| message.role == Role::Assistant);
    // Without an answer, the task remains.
    messages.truncate(answered.map_or(messages.len(), |last| last + 1));
    messages
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
