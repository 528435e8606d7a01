//! `/tokenize` and `/detokenize`, in vLLM's shape.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::chat::{messages, rendering};
use super::request;
use crate::serve::{Error, Result, Serving};

/// A request of `/tokenize`: a prompt or a conversation.
#[derive(Deserialize)]
struct Tokenize {
    prompt: Option<String>,
    messages: Option<Vec<Value>>,
    add_generation_prompt: Option<bool>,
    add_special_tokens: Option<bool>,
    chat_template_kwargs: Option<Map<String, Value>>,
    return_token_strs: Option<bool>,
}

/// The tokens of a prompt.
pub fn tokenize(serving: &Serving, body: &[u8]) -> Result<Value> {
    let mut keys = request::object(body)?;
    // Unlike for an answer, these may be false and true.
    let own = ["add_generation_prompt", "add_special_tokens"].map(|key| (key, keys.remove(key)));
    request::check(&keys)?;
    keys.extend(own.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    let asked: Tokenize = request::read(&keys)?;
    let tokens = match (&asked.prompt, &asked.messages) {
        (Some(text), None) => serving.encode_prompt(text, asked.add_special_tokens.unwrap_or(true))?,
        (None, Some(_)) if asked.add_special_tokens == Some(true) => {
            return Err(Error::field(
                "add_special_tokens",
                "is for a `prompt`: the template writes those of messages",
            ));
        }
        (None, Some(values)) => {
            let prompt = asked.add_generation_prompt.unwrap_or(true);
            let rendering = rendering(serving, asked.chat_template_kwargs.as_ref(), prompt)?;
            serving.render(&messages(values)?, rendering)?.1
        }
        _ => return Err(Error::field("prompt", "or `messages` must be given, and not both")),
    };
    let inner = serving.engine.tokenizer().inner();
    let names = asked.return_token_strs.unwrap_or(false).then(|| {
        let name =
            |id: &i64| u32::try_from(*id).ok().and_then(|id| inner.id_to_token(id)).unwrap_or_default();
        tokens.iter().map(name).collect::<Vec<_>>()
    });
    Ok(json!({
        "count": tokens.len(),
        "max_model_len": serving.engine.context_length(),
        "tokens": tokens,
        "token_strs": names,
    }))
}

#[derive(Deserialize)]
struct Detokenize {
    tokens: Vec<i64>,
}

/// The text of tokens.
pub fn detokenize(serving: &Serving, body: &[u8]) -> Result<Value> {
    let asked: Detokenize = request::read(&request::object(body)?)?;
    Ok(json!({ "prompt": serving.decode(&asked.tokens)? }))
}
