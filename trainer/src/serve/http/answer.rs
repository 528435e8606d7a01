//! The answers of `/v1/chat/completions`, whole or in chunks.

use serde_json::{Value, json};

use super::request::Common;
use crate::generate::{Answer, Finish, Piece, StoppedBy, TokenLogprob};
use crate::serve::Serving;

/// The fields that all parts of an answer share.
pub struct Envelope {
    id: String,
    created: i64,
    model: String,
    prompt: Option<Vec<i64>>, // if the request asks for token ids
    names_ids: bool,
    includes_usage: bool,
}

impl Envelope {
    pub fn new(request: &Common, prompt: &[i64]) -> Self {
        Self {
            id: format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()),
            created: jiff::Timestamp::now().as_second(),
            model: request.model.clone(),
            prompt: request.returns_ids().then(|| prompt.to_vec()),
            names_ids: request.names_ids(),
            includes_usage: request.includes_usage(),
        }
    }

    /// A whole answer.
    pub fn whole(&self, serving: &Serving, answer: &Answer) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": answer.text, "refusal": null, "reasoning": null },
                "logprobs": self.logprobs(serving, &answer.logprobs),
                "finish_reason": finish_reason(answer),
                "stop_reason": stop_reason(answer),
                "token_ids": self.ids(&answer.ids),
            }],
            "service_tier": null,
            "system_fingerprint": fingerprint(serving),
            "usage": usage(answer),
            "prompt_logprobs": null,
            "prompt_token_ids": self.prompt,
        })
    }

    /// The first chunk of a stream, with the role.
    pub fn first(&self) -> Value {
        let choice = json!({
            "index": 0,
            "delta": { "role": "assistant", "content": "" },
            "logprobs": null,
            "finish_reason": null,
        });
        let mut chunk = self.chunk(json!([choice]));
        chunk["prompt_token_ids"] = json!(self.prompt);
        chunk
    }

    /// The chunk of a piece; `None` if it would be empty.
    pub fn piece(&self, serving: &Serving, piece: &Piece) -> Option<Value> {
        if piece.text.is_empty() && piece.logprobs.is_empty() && self.prompt.is_none() {
            return None;
        }
        Some(self.chunk(json!([{
            "index": 0,
            "delta": { "content": piece.text },
            "logprobs": self.logprobs(serving, &piece.logprobs),
            "finish_reason": null,
            "token_ids": self.ids(&piece.ids),
        }])))
    }

    /// The last chunks: the finish reason, and the usage if the request asks for it.
    pub fn last(&self, serving: &Serving, answer: &Answer) -> Vec<Value> {
        let mut chunks = vec![self.chunk(json!([{
            "index": 0,
            "delta": {},
            "logprobs": null,
            "finish_reason": finish_reason(answer),
            "stop_reason": stop_reason(answer),
        }]))];
        if self.includes_usage {
            let mut chunk = self.chunk(json!([]));
            chunk["usage"] = usage(answer);
            chunk["system_fingerprint"] = json!(fingerprint(serving));
            chunks.push(chunk);
        }
        chunks
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn ids(&self, ids: &[i64]) -> Option<Vec<i64>> {
        self.prompt.as_ref().map(|_| ids.to_vec())
    }

    fn logprobs(&self, serving: &Serving, tokens: &[TokenLogprob]) -> Value {
        if tokens.is_empty() {
            return Value::Null;
        }
        // As in vLLM, the bytes of an alternative are those of its name.
        let alternative = |(id, logprob): &(i64, f32)| {
            let name = name(serving, *id, self.names_ids);
            json!({ "token": name, "logprob": logprob, "bytes": name.as_bytes() })
        };
        let entry = |token: &TokenLogprob| {
            json!({
                "token": name(serving, token.id, self.names_ids),
                "logprob": token.logprob,
                "bytes": name(serving, token.id, false).as_bytes(),
                "top_logprobs": token.alternatives.iter().map(alternative).collect::<Vec<_>>(),
            })
        };
        json!({ "content": tokens.iter().map(entry).collect::<Vec<_>>() })
    }
}

/// The name of a token in log-probabilities: its text, or its id.
pub fn name(serving: &Serving, id: i64, by_id: bool) -> String {
    if by_id { format!("token_id:{id}") } else { serving.decode(&[id]).unwrap_or_default() }
}

/// Identifies the program and the weights that computed an answer.
pub fn fingerprint(serving: &Serving) -> String {
    format!("trainer-{}-{:.8}", env!("CARGO_PKG_VERSION"), serving.model.sha256)
}

pub fn finish_reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Cancelled => "abort",
    }
}

pub fn stop_reason(answer: &Answer) -> Value {
    match &answer.stopped_by {
        Some(StoppedBy::Text(stop)) => json!(stop),
        Some(StoppedBy::Token(id)) => json!(id),
        None => Value::Null,
    }
}

fn usage(answer: &Answer) -> Value {
    json!({
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.prompt_tokens + answer.ids.len(),
        "completion_tokens": answer.ids.len(),
        "prompt_tokens_details": { "cached_tokens": answer.cached_tokens },
    })
}
