//! `/v1/completions`: prompts as text or tokens are continued, without a chat template.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{fingerprint, finish_reason, name, stop_reason};
use super::request::{self, Common};
use crate::generate::{Answer, Piece, Request, TokenLogprob};
use crate::serve::{Error, Result, Serving};

/// Most prompts of a request.
const MAX_PROMPTS: usize = 256;
/// Most tokens of an answer where the request does not say, as in OpenAI's protocol.
const DEFAULT_TOKENS: usize = 16;

/// A request of `/v1/completions`.
pub struct Completion {
    pub common: Common,
    own: Own,
    id: String,
    created: i64,
}

#[derive(Deserialize)]
struct Own {
    prompt: Prompt,
    max_tokens: Option<usize>,
    logprobs: Option<usize>,
    add_special_tokens: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    Text(String),
    Tokens(Vec<i64>),
    Texts(Vec<String>),
    TokenLists(Vec<Vec<i64>>),
}

impl Completion {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is malformed or has an unsupported key.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let mut keys = request::object(body)?;
        let adds_special = keys.remove("add_special_tokens"); // unlike in a conversation, may be true
        request::check(&keys)?;
        keys.extend(adds_special.map(|value| ("add_special_tokens".to_owned(), value)));
        Ok(Self {
            common: request::read(&keys)?,
            own: request::read(&keys)?,
            id: format!("cmpl-{}", uuid::Uuid::new_v4().simple()),
            created: jiff::Timestamp::now().as_second(),
        })
    }

    /// The requests to the engine, one for each prompt.
    ///
    /// # Errors
    /// If a field is out of bounds, or a prompt cannot be encoded.
    pub fn requests(&self, serving: &Serving) -> Result<Vec<Request>> {
        let encode = |text: &String| serving.encode_prompt(text, self.own.add_special_tokens.unwrap_or(true));
        let prompts: Vec<Vec<i64>> = match &self.own.prompt {
            Prompt::Text(text) => vec![encode(text)?],
            Prompt::Texts(texts) => texts.iter().map(encode).collect::<Result<_>>()?,
            Prompt::Tokens(tokens) => vec![tokens.clone()],
            Prompt::TokenLists(lists) => lists.clone(),
        };
        if prompts.is_empty() || prompts.len() > MAX_PROMPTS {
            return Err(Error::field(
                "prompt",
                format!("has {} prompts; it must have 1 to {MAX_PROMPTS}", prompts.len()),
            ));
        }
        let most = ("max_tokens", Some(self.own.max_tokens.unwrap_or(DEFAULT_TOKENS)));
        let request = |tokens| self.common.request(serving, tokens, most, self.own.logprobs);
        prompts.into_iter().map(request).collect()
    }

    /// The whole answers, with their prompts, in order.
    pub fn whole(&self, serving: &Serving, answers: &[(Vec<i64>, Answer)]) -> Value {
        let choice = |(index, (prompt, answer)): (usize, &(Vec<i64>, Answer))| {
            json!({
                "index": index,
                "text": answer.text,
                "logprobs": self.logprobs(serving, &answer.logprobs, 0),
                "finish_reason": finish_reason(answer),
                "stop_reason": stop_reason(answer),
                "token_ids": self.ids(&answer.ids),
                "prompt_logprobs": null,
                "prompt_token_ids": self.ids(prompt),
            })
        };
        let choices: Vec<_> = answers.iter().enumerate().map(choice).collect();
        let mut whole = self.chunk(json!(choices));
        let answers: Vec<_> = answers.iter().map(|(_, answer)| answer).collect();
        whole["usage"] = usage(&answers);
        whole["service_tier"] = Value::Null;
        whole["system_fingerprint"] = json!(fingerprint(serving));
        whole
    }

    /// The chunk of a piece of the answer to the prompt with this index; the first one of each has the prompt. `offset`
    /// is the number of characters before it.
    pub fn piece(
        &self,
        serving: &Serving,
        index: usize,
        piece: &Piece,
        prompt: Option<&[i64]>,
        offset: usize,
    ) -> Value {
        self.chunk(json!([{
            "index": index,
            "text": piece.text,
            "logprobs": self.logprobs(serving, &piece.logprobs, offset),
            "finish_reason": null,
            "stop_reason": null,
            "prompt_token_ids": prompt.and_then(|prompt| self.ids(prompt)),
            "token_ids": self.ids(&piece.ids),
        }]))
    }

    /// The last chunk of an answer.
    pub fn last(&self, index: usize, answer: &Answer) -> Value {
        self.chunk(json!([{
            "index": index,
            "text": "",
            "logprobs": null,
            "finish_reason": finish_reason(answer),
            "stop_reason": stop_reason(answer),
        }]))
    }

    /// The last chunk of a stream, if the request asks for the usage.
    pub fn usage(&self, serving: &Serving, answers: &[Answer]) -> Option<Value> {
        let mut chunk = self.chunk(json!([]));
        chunk["usage"] = usage(&answers.iter().collect::<Vec<_>>());
        chunk["system_fingerprint"] = json!(fingerprint(serving));
        self.common.includes_usage().then_some(chunk)
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.common.model,
            "choices": choices,
        })
    }

    fn ids(&self, ids: &[i64]) -> Option<Vec<i64>> {
        self.common.returns_ids().then(|| ids.to_vec())
    }

    /// Names, log-probabilities and positions of tokens; the alternatives include the token itself, as in vLLM.
    fn logprobs(&self, serving: &Serving, tokens: &[TokenLogprob], mut offset: usize) -> Value {
        if tokens.is_empty() {
            return Value::Null;
        }
        let name = |id| name(serving, id, self.common.names_ids());
        let (mut names, mut offsets, mut alternatives) = (vec![], vec![], vec![]);
        for token in tokens {
            let own = name(token.id);
            let pairs = token.alternatives.iter().map(|(id, logprob)| (name(*id), json!(logprob)));
            let mut map: Map<String, Value> = [(own.clone(), json!(token.logprob))].into_iter().collect();
            map.extend(pairs);
            alternatives.push(map);
            offsets.push(offset);
            offset += own.chars().count();
            names.push(own);
        }
        let logprobs: Vec<f32> = tokens.iter().map(|token| token.logprob).collect();
        json!({
            "text_offset": offsets, "token_logprobs": logprobs, "tokens": names, "top_logprobs": alternatives,
        })
    }
}

fn usage(answers: &[&Answer]) -> Value {
    let prompt: usize = answers.iter().map(|answer| answer.prompt_tokens).sum();
    let completion: usize = answers.iter().map(|answer| answer.ids.len()).sum();
    let cached: usize = answers.iter().map(|answer| answer.cached_tokens).sum();
    json!({
        "prompt_tokens": prompt,
        "total_tokens": prompt + completion,
        "completion_tokens": completion,
        "prompt_tokens_details": { "cached_tokens": cached },
    })
}
