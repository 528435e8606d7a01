//! Protobuf messages from and to the engine's types.

use proto::conversation::{Message, Role};
use proto::inference::v1;

use super::{Error, Result, Serving};
use crate::chat::Rendering;
use crate::generate::{AdapterInfo, Answer, Finish, Piece, Request, Sampling, StoppedBy, TokenLogprob};

/// A request of the engine, with its prompt encoded.
///
/// # Errors
/// If the prompt is missing, malformed, or refused by the chat template.
pub fn request(serving: &Serving, request: v1::GenerateRequest) -> Result<Request> {
    use v1::generate_request::Prompt;
    let tokens = match request.prompt {
        Some(Prompt::Messages(conversation)) => {
            let rendering = Rendering {
                add_generation_prompt: true,
                enable_thinking: conversation.enable_thinking.or(serving.enable_thinking),
                tools: &[],
            };
            serving.render(&messages(&conversation.messages)?, rendering)?.1
        }
        Some(Prompt::TokenIds(tokens)) => signed(&tokens.ids),
        Some(Prompt::Text(text)) => serving.encode(&text)?,
        None => return Err(Error::field("prompt", "is missing: give messages, token_ids or text")),
    };
    Ok(Request {
        tokens,
        adapter: (!request.adapter.is_empty()).then_some(request.adapter),
        sampling: request.sampling.map(sampling).unwrap_or_default(),
        max_tokens: (request.max_tokens > 0).then_some(request.max_tokens as usize),
        stop: request.stop,
        stop_ids: signed(&request.stop_token_ids).into_iter().collect(),
        ignore_end: request.ignore_end,
        logprobs: request.logprobs.map(|alternatives| alternatives as usize),
        of_draws: false,
        prompt_logprobs: request.prompt_logprobs,
    })
}

/// A conversation.
///
/// # Errors
/// For an unknown role.
pub fn messages(messages: &[v1::Message]) -> Result<Vec<Message>> {
    let message = |(number, message): (usize, &v1::Message)| {
        let role = match message.role.as_str() {
            "system" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            other => {
                let problem =
                    format!("is {other:?}; known are \"system\", \"user\", \"assistant\", \"tool\"");
                return Err(Error::field(format!("messages[{number}].role"), problem));
            }
        };
        Ok(Message::new(role, &message.content))
    };
    messages.iter().enumerate().map(message).collect()
}

fn sampling(sampling: v1::Sampling) -> Sampling {
    Sampling {
        temperature: sampling.temperature.into(),
        top_p: if sampling.top_p == 0.0 { 1.0 } else { sampling.top_p.into() },
        top_k: sampling.top_k as usize,
        seed: sampling.seed,
    }
}

pub fn signed(ids: &[u32]) -> Vec<i64> {
    ids.iter().map(|id| i64::from(*id)).collect()
}

/// Token ids as the protocol has them; ids of a vocabulary always fit.
pub fn unsigned(ids: &[i64]) -> Vec<u32> {
    ids.iter().map(|id| *id as u32).collect()
}

pub fn piece(piece: Piece) -> v1::GenerateStreamResponse {
    v1::GenerateStreamResponse {
        text_delta: piece.text,
        token_ids: unsigned(&piece.ids),
        logprobs: logprobs(piece.logprobs),
        last: None,
    }
}

pub fn answer(answer: Answer, prompt: &[i64]) -> v1::GenerateResponse {
    let finish = match answer.finish {
        Finish::Stop => v1::FinishReason::Stop,
        Finish::Length => v1::FinishReason::Length,
        Finish::Cancelled => v1::FinishReason::Cancelled,
    };
    v1::GenerateResponse {
        text: answer.text,
        finish_reason: finish.into(),
        stop_string: match answer.stopped_by {
            Some(StoppedBy::Text(stop)) => stop,
            _ => String::new(),
        },
        logprobs: logprobs(answer.logprobs),
        prompt_logprobs: logprobs(answer.prompt_logprobs),
        usage: Some(v1::Usage {
            prompt_tokens: answer.prompt_tokens as u32,
            completion_tokens: answer.ids.len() as u32,
            cached_tokens: answer.cached_tokens as u32,
        }),
        token_ids: unsigned(&answer.ids),
        prompt_token_ids: unsigned(prompt),
        queue_time: answer.queue_time.try_into().ok(),
        generate_time: answer.generate_time.try_into().ok(),
    }
}

fn logprobs(logprobs: Vec<TokenLogprob>) -> Vec<v1::TokenLogprob> {
    use v1::token_logprob::Alternative;
    let alternative = |(id, logprob): (i64, f32)| Alternative { token_id: id as u32, logprob };
    let one = |token: TokenLogprob| v1::TokenLogprob {
        token_id: token.id as u32,
        logprob: token.logprob,
        alternatives: token.alternatives.into_iter().map(alternative).collect(),
    };
    logprobs.into_iter().map(one).collect()
}

pub fn adapter(info: AdapterInfo) -> v1::Adapter {
    v1::Adapter {
        name: info.name,
        path: info.path.display().to_string(),
        rank: info.rank as u32,
        sha256: info.sha256,
    }
}
