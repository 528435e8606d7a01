//! The requests of `/v1/chat/completions`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::request::{self, Common};
use crate::chat::Rendering;
use crate::generate::Request;
use crate::message::{self, Origin};
use crate::serve::{Error, Result, Serving};

/// A request of `/v1/chat/completions`.
pub struct Chat {
    pub common: Common,
    own: Own,
}

/// The keys that completions do not have.
#[derive(Deserialize)]
struct Own {
    messages: Vec<Value>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    logprobs: Option<bool>,
    top_logprobs: Option<usize>,
    chat_template_kwargs: Option<Map<String, Value>>,
}

impl Chat {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is malformed or has an unsupported key.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let keys = request::keys(body)?;
        Ok(Self { common: request::read(&keys)?, own: request::read(&keys)? })
    }

    /// The request to the engine.
    ///
    /// # Errors
    /// If a field is out of bounds, or the prompt cannot be encoded.
    pub fn request(&self, serving: &Serving) -> Result<Request> {
        let own = &self.own;
        let rendering = rendering(serving, own.chat_template_kwargs.as_ref(), true)?;
        let (_, tokens) = serving.render(&messages(&own.messages)?, rendering)?;
        let max_tokens = match own.max_completion_tokens {
            Some(most) => ("max_completion_tokens", Some(most)),
            None => ("max_tokens", own.max_tokens),
        };
        let logprobs = own.logprobs.unwrap_or(false);
        if own.top_logprobs.is_some_and(|count| count > 0) && !logprobs {
            return Err(Error::field("top_logprobs", "needs `logprobs` to be true"));
        }
        self.common.request(serving, tokens, max_tokens, logprobs.then(|| own.top_logprobs.unwrap_or(0)))
    }
}

/// The messages of a request.
pub fn messages(values: &[Value]) -> Result<Vec<proto::conversation::Message>> {
    message::read_all(values, Origin::Request).map_err(|(path, problem)| Error::field(path, problem))
}

/// How a conversation is rendered, by `chat_template_kwargs`.
pub fn rendering(
    serving: &Serving,
    kwargs: Option<&Map<String, Value>>,
    add_generation_prompt: bool,
) -> Result<Rendering<'static>> {
    let mut enable_thinking = serving.enable_thinking;
    for (key, value) in kwargs.into_iter().flatten() {
        let field = format!("chat_template_kwargs.{key}");
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            ("enable_thinking", Value::Bool(value)) => enable_thinking = Some(*value),
            ("enable_thinking", _) => return Err(Error::field(field, "must be true or false")),
            _ => return Err(Error::field(field, "is not supported by this server")),
        }
    }
    Ok(Rendering { add_generation_prompt, enable_thinking, tools: &[] })
}
