//! Answers in the format of OpenAI's chat completions and completions, whole or in chunks, with the keys that vLLM adds: token ids and
//! reasoning.
//!
//! Formats: <https://platform.openai.com/docs/api-reference/chat> and vLLM's `chat_completion/protocol.py`.

use proto::conversation::{Message, ToolCall};
use proto::trace::TokenUsage;
use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use crate::model::generate::{Completion, FinishReason, Tokens, estimate_usage};

/// A whole answer or a chunk of one. Keys that are not named here are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// vLLM's `return_token_ids`; in a stream only in the first chunk.
    prompt_token_ids: Option<Vec<u32>>,
    /// A stream that fails says so in a chunk: the status has been sent.
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    /// The answer as a whole.
    message: Option<Said>,
    /// The next part of the answer.
    delta: Option<Said>,
    finish_reason: Option<String>,
    /// Which text or token ended the answer; null for the model's own end.
    stop_reason: Option<Value>,
    /// The answer of a completion, or the next part of it.
    text: Option<String>,
    logprobs: Option<Logprobs>,
    token_ids: Option<Vec<u32>>,
    /// Where completions have it.
    prompt_token_ids: Option<Vec<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    content: Option<String>,
    reasoning: Option<String>,
    /// Other servers' name of `reasoning`.
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<CallPart>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CallPart {
    /// Which call of the answer it belongs to; absent in whole answers.
    index: Option<usize>,
    id: Option<String>,
    function: Function,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Logprobs {
    content: Option<Vec<Logprob>>,
    /// Where completions have them.
    token_logprobs: Option<Vec<f32>>,
}

#[derive(Debug, Deserialize)]
struct Logprob {
    logprob: f32,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// What has come of an answer.
#[derive(Debug, Default)]
pub struct Collected {
    text: String,
    reasoning: String,
    tool_calls: Vec<ToolCall>,
    finish_reason: Option<String>,
    stop_reason: Option<Value>,
    usage: Option<Usage>,
    prompt_ids: Option<Vec<u32>>,
    answer_ids: Option<Vec<u32>>,
    logprobs: Vec<f32>,
}

impl Collected {
    /// Adds a chunk, or a whole answer.
    ///
    /// # Errors
    /// If the server says that it failed.
    pub fn add(&mut self, answer: Answer) -> Result<(), Failure> {
        if let Some(error) = answer.error {
            return Err(Failure::in_stream(&error));
        }
        self.usage = answer.usage.or(self.usage);
        // One answer is asked for; the chunk with the usage has none.
        let choice = answer.choices.into_iter().next();
        let prompt_ids = choice.as_ref().and_then(|choice| choice.prompt_token_ids.clone());
        self.prompt_ids = answer.prompt_token_ids.or(prompt_ids).or(self.prompt_ids.take());
        let Some(choice) = choice else { return Ok(()) };
        self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        self.stop_reason = choice.stop_reason.or(self.stop_reason.take());
        if let Some(ids) = choice.token_ids {
            self.answer_ids.get_or_insert_default().extend(ids);
        }
        let logprobs = choice.logprobs.unwrap_or_default();
        self.logprobs.extend(logprobs.content.unwrap_or_default().iter().map(|token| token.logprob));
        self.logprobs.extend(logprobs.token_logprobs.unwrap_or_default());
        self.text.push_str(&choice.text.unwrap_or_default());
        let said = choice.message.or(choice.delta).unwrap_or_default();
        self.text.push_str(&said.content.unwrap_or_default());
        self.reasoning.push_str(&said.reasoning.or(said.reasoning_content).unwrap_or_default());
        for (place, part) in said.tool_calls.unwrap_or_default().into_iter().enumerate() {
            self.add_call(part.index.unwrap_or(place), part);
        }
        Ok(())
    }

    fn add_call(&mut self, index: usize, part: CallPart) {
        // Calls come in order: an index past the end is the next call.
        if index >= self.tool_calls.len() {
            self.tool_calls.push(ToolCall::default());
        }
        let last = self.tool_calls.len() - 1;
        let call = &mut self.tool_calls[index.min(last)];
        call.id.push_str(&part.id.unwrap_or_default());
        call.name.push_str(&part.function.name.unwrap_or_default());
        call.arguments.push_str(&part.function.arguments.unwrap_or_default());
    }

    /// The answer to a conversation.
    ///
    /// # Errors
    /// If it is not complete, or the server gave it up.
    pub fn finish(self, messages: &[Message]) -> Result<Completion, Failure> {
        let finish_reason = match self.finish_reason.as_deref() {
            None => return Err(Failure::passing("the answer broke off")),
            Some(reason @ ("abort" | "error")) => {
                return Err(Failure::passing(&format!("the server gave the answer up ({reason})")));
            }
            Some("stop" | "tool_calls" | "function_call") => FinishReason::Stop,
            Some("length") => FinishReason::Length,
            Some(other) => FinishReason::Other(other.to_owned()),
        };
        let (reasoning, text) = apart(self.reasoning, self.text);
        let usage = self.usage.map_or_else(|| estimate_usage(messages, &text), Into::into);
        let ended =
            finish_reason == FinishReason::Stop && !self.stop_reason.is_some_and(|reason| reason.is_string());
        let tokens = self.answer_ids.map(|answer| Tokens {
            ended,
            prompt: self.prompt_ids.unwrap_or_default(),
            logprobs: if self.logprobs.len() == answer.len() { self.logprobs } else { Vec::new() },
            answer,
        });
        Ok(Completion {
            text,
            reasoning,
            tool_calls: self.tool_calls,
            finish_reason,
            usage,
            tokens,
            cached: false,
        })
    }
}

/// Reasoning and answer, without the tags between them. vLLM's parser leaves tags in a streamed answer's reasoning, and the
/// answer behind them, where several tokens arrive in one chunk.
fn apart(reasoning: String, text: String) -> (String, String) {
    const OPEN: &str = "<think>";
    const CLOSE: &str = "</think>";
    let without_open = reasoning.strip_prefix(OPEN).unwrap_or(&reasoning);
    match without_open.split_once(CLOSE) {
        Some((thought, answer)) => (thought.to_owned(), answer.to_owned() + &text),
        None => (without_open.to_owned(), text),
    }
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, completion_tokens } = usage;
        let total_tokens = prompt_tokens + completion_tokens;
        Self { prompt_tokens, completion_tokens, total_tokens, estimated: false }
    }
}
