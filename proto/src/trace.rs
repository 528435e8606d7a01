//! Trace files: what happened in one episode, event by event.
//!
//! The layout is that of the paper's system. Fields marked *ours* are absent from its files and optional here, so both
//! kinds load.

mod recorded;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::semantics::Semantics;
use crate::tool_call;

pub use recorded::{RecordedLimits, step_result};

/// The [`Provenance::schema_version`] of the traces that this version writes.
pub const SCHEMA_VERSION: &str = "runtime_gym.trace.v1";

/// Python's exceptions for a name that has no value.
const MISSING_VARIABLE: [&str; 2] = ["NameError", "UnboundLocalError"];

/// One `.trace.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// When the episode began (RFC 3339).
    #[serde(default)]
    pub started_at: Option<String>,
    /// When it ended (RFC 3339).
    #[serde(default)]
    pub finished_at: Option<String>,
    /// *Ours*: what identifies this episode, and what is needed to repeat it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Totals.
    pub summary: Summary,
    /// In order of time.
    #[serde(default)]
    pub events: Vec<Event>,
}

impl Trace {
    /// The turns, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.events.iter().filter_map(|event| match &event.kind {
            EventKind::StepEvent(step) => Some(&**step),
            _ => None,
        })
    }

    /// The model's answers, in order.
    pub fn responses(&self) -> impl Iterator<Item = &ModelResponse> {
        self.events.iter().filter_map(|event| match &event.kind {
            EventKind::ModelResponseEvent(response) => Some(response),
            _ => None,
        })
    }
}

/// Totals of a trace. Every field is optional: a trace may be cut short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// The task as the model read it.
    pub task: String,
    /// System prompts, in order.
    pub system_prompts: Vec<String>,
    /// Model turns taken.
    pub num_steps: u64,
    /// `finish_tool`, `max_turns`, `timeout`, ...
    pub finish_reason: Option<String>,
    /// Errors of the machinery around the agent (not of its code).
    pub errors: Vec<String>,
    /// Sums over all turns.
    pub token_usage: TokenUsage,
}

/// Tokens of one turn, or their sum over turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenUsage {
    /// Tokens the model was sent.
    pub prompt_tokens: u64,
    /// Tokens the model wrote.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// *Ours*: the counts are estimates, UTF-8 bytes / 4 rounded up, because
    /// the model client has no tokenizer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.total_tokens += other.total_tokens;
        self.estimated |= other.estimated;
    }
}

/// What identifies an episode, and what is needed to repeat it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provenance {
    /// [`SCHEMA_VERSION`].
    pub schema_version: String,
    /// The server's id of the episode.
    pub episode_id: String,
    /// The task's id.
    pub task_id: String,
    /// The task's family.
    pub family: String,
    /// SHA-256 of the task's public data, in hexadecimal; empty if its writer did not know it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task_sha256: String,
    /// `persistent` or `reset`.
    pub interpreter_state: String,
    /// *Ours*: how blocks of code ran; absent for script, the paper's.
    #[serde(skip_serializing_if = "Semantics::is_script")]
    pub semantics: Semantics,
    /// *Ours*: probability that a persistent interpreter's state is lost before a step; absent if zero.
    #[serde(skip_serializing_if = "is_zero")]
    pub state_loss: f64,
    /// Seed of the task, of the episode, and of the model client.
    pub seeds: Seeds,
    /// *Ours*: the functions that the model could call itself, in OpenAI's form; absent if there were none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Value>,
    /// The limits in force: [`RecordedLimits`]. Null if the episode was not created.
    pub limits: Value,
    /// Versions of the programs that ran it.
    pub versions: Versions,
    /// The agent's config (from the run config).
    pub agent: Value,
}

/// Whether a probability is zero; such fields are left out of files.
fn is_zero(chance: &f64) -> bool {
    *chance == 0.0
}

/// Seeds in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seeds {
    /// The task was generated from it; absent where the server does not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<u64>,
    /// The episode's randomness.
    pub episode: u64,
    /// The model client's randomness.
    pub policy: u64,
}

/// Versions of the programs, the interpreter and the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    /// The agent program.
    pub agent: String,
    /// Its git commit; empty if unknown.
    pub agent_commit: String,
    /// The environment server.
    pub env_server: String,
    /// Its git commit; empty if unknown.
    pub env_server_commit: String,
    /// The interpreter's CPython.
    pub python: String,
    /// SHA-256 of the interpreter component.
    pub interpreter_sha256: String,
    /// The model, as its client names it.
    pub model: String,
    /// SHA-256 of the base model's weights, if its server reports it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model_sha256: String,
    /// SHA-256 of the adapter's weights; empty without one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub adapter_sha256: String,
}

/// One event and when it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
    /// RFC 3339.
    pub timestamp: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum EventKind {
    /// The episode began.
    StartEvent {
        /// The task as the model read it.
        task: String,
    },
    /// The system prompts were set.
    SystemPromptEvent {
        /// In order.
        prompts: Vec<String>,
    },
    /// The model was asked.
    ModelCallEvent(ModelCall),
    /// The model answered.
    ModelResponseEvent(ModelResponse),
    /// A turn was taken.
    StepEvent(Box<Step>),
    /// Something outside the agent's code failed.
    ErrorEvent {
        /// What.
        error: String,
    },
    /// The episode ended.
    FinishEvent {
        /// See [`Summary::finish_reason`].
        reason: String,
        /// Sums over all turns.
        token_usage: TokenUsage,
    },
    /// An event of another writer that this version does not know.
    #[serde(untagged)]
    Other(Value),
}

/// The model was asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelCall {
    /// RFC 3339.
    pub timestamp: String,
    /// Tokens it was sent.
    pub prompt_tokens: u64,
    /// *Ours*: the end of the last user message of this call, which the conversation does not keep: the names in the
    /// interpreter. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder: Option<String>,
}

/// The model answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelResponse {
    /// RFC 3339.
    pub timestamp: String,
    /// Tokens it wrote.
    pub completion_tokens: u64,
    /// Prompt and completion.
    pub total_tokens: u64,
    /// *Ours*: `stop`, `length`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// *Ours*: the answer was given before, to the same request, and kept; absent if it was not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// *Ours*: what the model thought before its answer, where its server tells the two apart. The conversation does not
    /// keep it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// *Ours*: the tokens of the call, where the server gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
}

/// The tokens of one call. The whole prompt is the first [`Tokens::seen`] tokens of the call before, prompt and answer, and
/// then [`Tokens::prompt`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// How many tokens of the call before, its prompt and its answer, this prompt begins with.
    pub seen: u64,
    /// Whether that is not all of them: this prompt does not continue the call before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub breaks: bool,
    /// Ids of the prompt's other tokens.
    pub prompt: Vec<u32>,
    /// Ids of the answer, with the end-of-sequence token if the model wrote it.
    pub answer: Vec<u32>,
    /// Natural logarithm of the probability of each token of the answer; absent if unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logprobs: Vec<f32>,
}

impl Tokens {
    /// The tokens of a call that follows another, whose prompt and answer are `before`.
    pub fn after(before: &[u32], prompt: &[u32], answer: Vec<u32>, logprobs: Vec<f32>) -> Self {
        let seen = before.iter().zip(prompt).take_while(|(before, now)| before == now).count();
        Self {
            seen: seen as u64,
            breaks: seen < before.len(),
            prompt: prompt[seen..].to_vec(),
            answer,
            logprobs,
        }
    }

    /// Ids of the whole prompt; `before` are those of the call before, prompt and answer. `None` if those are fewer than
    /// [`Tokens::seen`].
    pub fn whole_prompt(&self, before: &[u32]) -> Option<Vec<u32>> {
        let seen = before.get(..usize::try_from(self.seen).ok()?)?;
        Some([seen, &self.prompt].concat())
    }
}

/// One turn: what the model wrote, what ran, and the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// 0 for the first.
    pub turn: u64,
    /// The whole text that the model wrote.
    pub assistant_text: String,
    /// *Ours*: what the conversation keeps of it, if that is less: an endless repetition is shortened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_text: Option<String>,
    /// The code block in it, if there was one.
    pub code: Option<String>,
    /// The interpreter's answer; null if nothing ran.
    pub interpreter_result: Option<InterpreterResult>,
    /// What the model was shown instead, if its turn could not be run
    /// (several code blocks, a failed model call).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// This turn's tokens.
    pub token_usage: TokenUsage,
    /// *Ours*: what a tool-calling agent called, in order (ReAct).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<tool_call::ToolCall>,
    /// What each call answered (ReAct).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<ToolOutput>>,
    /// *Ours*: facts about the step that the model did not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<StepInfo>,
}

impl Step {
    /// The assistant message of this turn in the conversation.
    pub fn kept(&self) -> &str {
        self.kept_text.as_deref().unwrap_or(&self.assistant_text)
    }

    /// Whether its code ended in a missing-variable error: by the exception's type where the trace has it, else by the last
    /// line of the error's text.
    pub fn misses_a_variable(&self) -> bool {
        let recorded = self.info.as_ref().and_then(|info| info.exception_type.as_deref());
        let error = self.interpreter_result.as_ref().and_then(|result| result.error.as_deref());
        recorded.or_else(|| exception_in(error?)).is_some_and(is_missing_variable)
    }
}

/// Whether an exception of this class is a missing-variable error.
pub fn is_missing_variable(exception: &str) -> bool {
    MISSING_VARIABLE.contains(&exception)
}

/// The exception's class in the last line of an error's text, such as `KeyError` in `KeyError: 'a'`; none in an empty text.
pub fn exception_in(error: &str) -> Option<&str> {
    error.trim_end().lines().last()?.split(':').next()
}

/// The interpreter's answer, as the model sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InterpreterResult {
    /// No error.
    pub success: bool,
    /// Always null: a block is run as a script, and its last expression is not echoed.
    pub result: Value,
    /// Standard output. Where it was cut, its last line says how much was left out.
    pub output: String,
    /// *Ours*: standard error, in the same way; absent if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error_output: String,
    /// The error's text, if any.
    pub error: Option<String>,
}

/// One direct tool call and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolOutput {
    /// Which tool.
    pub tool: String,
    /// What it answered, as text.
    pub output: String,
}

/// Facts about a step that the model did not see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepInfo {
    /// The server's step index.
    pub step_index: u64,
    /// Kind of the error, if any: `exception`, `syntax`, `tool_call_limit`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<String>,
    /// Name of the Python exception class, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception_type: Option<String>,
    /// Output past the limit was cut off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub output_truncated: bool,
    /// Names in the agent's namespace after the step.
    pub globals: Vec<String>,
    /// The calls that happened.
    pub tool_calls: Vec<ToolCall>,
    /// Names that the step's top-level code bound, with a digest of each value.
    pub definitions: Vec<Definition>,
    /// Interpreter fuel used.
    pub fuel_used: u64,
    /// Microseconds in the interpreter.
    pub run_time_us: u64,
    /// *Ours*: the interpreter's state was lost before this step; absent if it was not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub state_lost: bool,
    /// *Ours*: what is left of the task's own budgets after the step, such as `{"inspect": 12}`; absent if it has none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub budget_left: BTreeMap<String, i64>,
}

/// A tool call that happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolCall {
    /// Which tool.
    pub name: String,
    /// Array (positional) or object (by keyword).
    pub arguments: Value,
    /// The answer; null if the call failed or answered None.
    pub result: Value,
    /// The error's text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A name bound by a step's top-level code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The name.
    pub name: String,
    /// Digest of the value: equal values have equal digests.
    pub digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_what_was_seen_and_the_rest() {
        let first = Tokens::after(&[], &[1, 2, 3], vec![4, 5], vec![-0.5, -1.0]);
        assert_eq!((first.seen, first.breaks, first.prompt.as_slice()), (0, false, [1, 2, 3].as_slice()));
        let before = [1, 2, 3, 4, 5];
        for (prompt, seen, breaks) in [
            (vec![1, 2, 3, 4, 5, 6, 7], 5, false),
            (vec![1, 2, 3, 9, 5, 6], 3, true),
            (vec![1, 2], 2, true),
            (vec![8], 0, true),
        ] {
            let call = Tokens::after(&before, &prompt, vec![10], vec![]);
            assert_eq!((call.seen, call.breaks), (seen, breaks), "{prompt:?}");
            assert_eq!(call.whole_prompt(&before), Some(prompt));
        }
        assert_eq!(Tokens { seen: 6, ..Tokens::default() }.whole_prompt(&before), None);
    }

    #[test]
    fn a_missing_variable_is_known_by_the_exception_or_the_errors_last_line() {
        let traceback = "Traceback (most recent call last):\n  File \"<step>\", line 1\nNameError: name 'x' is not defined\n";
        for (error, exception_type, misses) in [
            (Some("gone"), Some("NameError"), true),
            (Some("gone"), Some("UnboundLocalError"), true),
            (Some(traceback), None, true),
            (Some("NameError"), None, true),
            // The type is the better evidence.
            (Some(traceback), Some("KeyError"), false),
            (Some("KeyError: 'NameError'"), None, false),
            (None, None, false),
        ] {
            let step = Step {
                interpreter_result: Some(InterpreterResult {
                    error: error.map(str::to_owned),
                    ..InterpreterResult::default()
                }),
                info: exception_type
                    .map(|name| StepInfo { exception_type: Some(name.to_owned()), ..StepInfo::default() }),
                ..Step::default()
            };
            assert_eq!(step.misses_a_variable(), misses, "{error:?} {exception_type:?}");
        }
        assert!(!Step::default().misses_a_variable(), "nothing ran");
    }
}
