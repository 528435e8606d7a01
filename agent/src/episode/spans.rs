//! The spans of an episode: `invoke_agent` holds `chat` and `execute_tool` for each turn, by OpenTelemetry's conventions for
//! generative AI. They tell names, counts and kinds: no prompt, no answer, no code, no observation.

use client::CallError;
use lifecycle::code_name;
use lifecycle::telemetry::{Span, SpanKind, names};
use proto::env::{self, v1};
use proto::trace::Trace;

use super::assignment::Assignment;
use super::error::Error;
use crate::config::{AgentConfig, Backend};
use crate::model;

/// A class of failures that has no name of its own, as the conventions call it.
const OTHER: &str = "_OTHER";

/// Begins the span of an episode.
pub fn invoke_agent(agent: &AgentConfig, assignment: &Assignment) -> Span {
    let span = begin(names::INVOKE_AGENT, &agent.name, SpanKind::Internal);
    span.set_text(names::AGENT, &agent.name);
    set_model(&span, agent);
    span.set(names::INTERPRETER_STATE, agent.interpreter_state.name());
    span.set_text(names::FAMILY, &assignment.task.family);
    span
}

/// Tells which episode was played, and how it ended: perhaps with an error.
pub fn played(span: &Span, trace: &Trace, error: Option<&Error>) {
    span.set_text(names::CONVERSATION, trace.provenance.as_ref().map_or("", |known| &known.episode_id));
    span.set_text(names::END, trace.summary.finish_reason.as_deref().unwrap_or_default());
    match error {
        None => {}
        Some(Error::Call { error, .. }) => span.fail(code_name(error.status.code())),
        Some(Error::Model(error)) => span.fail(class(error)),
        Some(Error::Interrupted) => span.fail("interrupted"),
        Some(_) => span.fail(OTHER),
    }
}

/// Begins the span of a call to the model.
pub fn chat(agent: &AgentConfig, episode_id: &str, request: &model::GenerateRequest) -> Span {
    let span = begin(names::CHAT, &agent.llm.model, SpanKind::Client);
    span.set_text(names::CONVERSATION, episode_id);
    set_model(&span, agent);
    span.set(names::TEMPERATURE, request.sampling.temperature);
    span.set_count(names::MAX_TOKENS, request.max_tokens.into());
    span.set_count(names::SEED, request.seed);
    span
}

/// Tells what came of a call to the model.
pub fn answered(span: &Span, answer: &Result<model::Completion, model::Error>) {
    match answer {
        Ok(completion) => {
            span.set_count(names::INPUT_TOKENS, completion.usage.prompt_tokens);
            span.set_count(names::OUTPUT_TOKENS, completion.usage.completion_tokens);
            span.set_words(names::FINISH_REASONS, vec![completion.finish_reason.to_string()]);
            span.set(names::CACHED, completion.cached);
        }
        Err(error) => span.fail(class(error)),
    }
}

/// Begins the span of a step.
pub fn execute_tool(action: &v1::step_request::Action, episode_id: &str, step_index: u64) -> Span {
    let tool = match action {
        v1::step_request::Action::Code(_) => "python",
        // Their names are what the model wrote.
        v1::step_request::Action::ToolCalls(_) => "tools",
    };
    let span = begin(names::EXECUTE_TOOL, tool, SpanKind::Internal);
    span.set_text(names::CONVERSATION, episode_id);
    span.set(names::TOOL, tool);
    span.set_count(names::STEP_INDEX, step_index);
    span
}

/// Tells what came of a step.
pub fn stepped(span: &Span, step: &Result<v1::StepResponse, CallError>) {
    match step {
        Ok(response) => {
            let info = response.info.as_ref();
            span.set_count(names::FUEL_USED, info.map_or(0, |info| info.fuel_used));
            span.set(names::STATE_LOST, info.is_some_and(|info| info.state_lost));
            let failed = response.observation.as_ref().filter(|observation| !observation.success);
            if let Some(observation) = failed {
                span.fail(env::error_kind_name(observation.error_kind()));
            }
        }
        Err(error) => span.fail(code_name(error.status.code())),
    }
}

fn begin(operation: &'static str, of: &str, kind: SpanKind) -> Span {
    let span = Span::begin(format!("{operation} {of}"), kind);
    span.set(names::OPERATION, operation);
    span
}

fn set_model(span: &Span, agent: &AgentConfig) {
    let provider = match agent.llm.backend() {
        Some(Backend::Vllm) => "vllm",
        Some(Backend::Openai) => "openai",
        Some(Backend::Inference | Backend::Scripted) | None => "runtime_gym",
    };
    span.set(names::PROVIDER, provider);
    span.set_text(names::MODEL, &agent.llm.model);
}

/// The class of a model's error.
fn class(error: &model::Error) -> &'static str {
    match error {
        model::Error::Timeout { .. } => "timeout",
        model::Error::Connect(_) | model::Error::Unreachable { .. } => "unreachable",
        model::Error::ContextOverflow { .. } => "context_overflow",
        model::Error::Refused { .. } | model::Error::Unusable { .. } => "refused",
        model::Error::Left => "left",
        _ => OTHER,
    }
}
