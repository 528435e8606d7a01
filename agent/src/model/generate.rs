//! What a model is asked for, and what it answers.

use std::fmt;

use proto::conversation::{Message, ToolCall};
use proto::trace::TokenUsage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A conversation to continue.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GenerateRequest {
    /// The messages so far, in order.
    pub messages: Vec<Message>,
    /// The functions that the model can call, in OpenAI's form.
    pub tools: Vec<Value>,
    /// How tokens are sampled.
    pub sampling: Sampling,
    /// Seed of the sampling. The same request with the same seed gives the same answer, as far as the model
    /// allows.
    pub seed: u64,
    /// The most new tokens.
    pub max_tokens: u32,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Whether the model thinks before it answers, if its chat template has the choice.
    pub enable_thinking: bool,
    /// The tokens of the call before, prompt and answer, which a prompt of tokens has to begin with; empty if this
    /// conversation does not continue that one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<u32>,
}

/// How tokens are sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sampling {
    /// 0 is greedy.
    pub temperature: f64,
}

/// A model's answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Completion {
    /// The assistant message.
    pub text: String,
    /// What the model thought before it, where the server tells the two apart; the conversation does not keep it.
    pub reasoning: String,
    /// The tools that the model called, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ends where it does.
    pub finish_reason: FinishReason,
    /// Tokens sent and written.
    pub usage: TokenUsage,
    /// The tokens themselves, where the server gives them.
    pub tokens: Option<Tokens>,
    /// Whether the answer was given before, and kept.
    #[serde(skip)]
    pub cached: bool,
}

/// The tokens of a call.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Tokens {
    /// Ids of the whole prompt; empty if the server does not give them.
    pub prompt: Vec<u32>,
    /// Ids of the answer, the end-of-sequence token included if the model wrote it.
    pub answer: Vec<u32>,
    /// Natural logarithm of each answer token's probability; empty if they were not asked for.
    pub logprobs: Vec<f32>,
    /// Whether the server says that the answer's last token is the model's end of a turn.
    #[serde(default)]
    pub ended: bool,
}

/// Why an answer ends where it does.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub enum FinishReason {
    /// The model ended its turn.
    #[default]
    Stop,
    /// The answer reached `max_tokens` or the end of the context.
    Length,
    /// Another reason, in the server's words.
    Other(String),
}

impl fmt::Display for FinishReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Other(reason) => reason,
        })
    }
}

/// Estimated usage of one answer, for models without a tokenizer.
pub fn estimate_usage(messages: &[Message], text: &str) -> TokenUsage {
    let called = |call: &ToolCall| call.name.len() + call.arguments.len();
    let sent =
        |message: &Message| message.content.len() + message.tool_calls.iter().map(called).sum::<usize>();
    let prompt_tokens = estimate_tokens(messages.iter().map(sent).sum());
    let completion_tokens = estimate_tokens(text.len());
    TokenUsage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        estimated: true,
    }
}

/// Estimated tokens of a text: UTF-8 bytes / 4, rounded up.
fn estimate_tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}
