//! The requests of `/v1/chat/completions`.

use std::collections::BTreeSet;

use proto::conversation::{Message, Role};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::chat::Rendering;
use crate::generate::{Request, Sampling};
use crate::serve::{Error, Result, Serving};

/// The keys that are read; null means absent.
#[derive(Deserialize)]
pub struct Chat {
    pub model: String,
    messages: Vec<ChatMessage>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    /// 0 is all, and so is -1, as in vLLM.
    top_k: Option<i64>,
    seed: Option<i64>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    stop: Option<Stop>,
    stop_token_ids: Option<BTreeSet<i64>>,
    ignore_eos: Option<bool>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    logprobs: Option<bool>,
    top_logprobs: Option<usize>,
    return_token_ids: Option<bool>,
    chat_template_kwargs: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct ChatMessage {
    role: Role,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// Unsupported keys that would change the answer, each with the values that would not; null never does.
fn unsupported() -> Vec<(&'static str, Vec<Value>)> {
    let never = Vec::new;
    vec![
        ("n", vec![json!(1)]),
        ("best_of", vec![json!(1)]),
        ("tools", vec![json!([])]),
        ("tool_choice", vec![json!("none")]),
        ("functions", vec![json!([])]),
        ("function_call", vec![json!("none")]),
        ("response_format", vec![json!({ "type": "text" })]),
        ("structured_outputs", never()),
        ("guided_json", never()),
        ("guided_regex", never()),
        ("guided_choice", never()),
        ("guided_grammar", never()),
        ("logit_bias", vec![json!({})]),
        ("presence_penalty", vec![json!(0), json!(0.0)]),
        ("frequency_penalty", vec![json!(0), json!(0.0)]),
        ("repetition_penalty", vec![json!(1), json!(1.0)]),
        ("min_p", vec![json!(0), json!(0.0)]),
        ("min_tokens", vec![json!(0)]),
        ("bad_words", vec![json!([])]),
        ("use_beam_search", vec![json!(false)]),
        ("continue_final_message", vec![json!(false)]),
        ("add_generation_prompt", vec![json!(true)]),
        ("echo", vec![json!(false)]),
        ("prompt_logprobs", never()),
        ("chat_template", never()),
        ("documents", vec![json!([])]),
        ("reasoning_effort", never()),
        ("truncate_prompt_tokens", never()),
        ("add_special_tokens", vec![json!(false)]),
        ("skip_special_tokens", vec![json!(true)]),
        ("include_stop_str_in_output", vec![json!(false)]),
        ("allowed_token_ids", never()),
        ("logits_processors", vec![json!([])]),
        ("length_penalty", vec![json!(1), json!(1.0)]),
    ]
}

impl Chat {
    /// Reads a body.
    ///
    /// # Errors
    /// If it is malformed or has an unsupported key.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let map: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| Error::field("body", format!("is not a JSON object: {error}")))?;
        for (key, neutral) in unsupported() {
            match map.get(key) {
                None | Some(Value::Null) => {}
                Some(value) if neutral.contains(value) => {}
                Some(value) => {
                    return Err(Error::field(key, format!("is not supported by this server: {value}")));
                }
            }
        }
        serde_path_to_error::deserialize(Value::Object(map)).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { "body".to_owned() } else { path };
            Error::field(field, format!("is not as it should be: {}", error.inner()))
        })
    }

    /// The request to the engine.
    ///
    /// # Errors
    /// If a field is out of bounds, or the prompt cannot be encoded.
    pub fn request(&self, serving: &Serving) -> Result<Request> {
        let messages = self.messages()?;
        let (_, tokens) = serving.render(&messages, self.rendering()?)?;
        let max_tokens = self.max_completion_tokens.or(self.max_tokens);
        let context = serving.engine.context_length();
        if let Some(asked) = max_tokens.filter(|asked| *asked > context) {
            let problem = format!("is {asked}; the context holds {context} tokens, prompt included");
            let field = self.max_completion_tokens.map_or("max_tokens", |_| "max_completion_tokens");
            return Err(Error::field(field, problem));
        }
        let logprobs = self.logprobs.unwrap_or(false);
        if self.top_logprobs.is_some_and(|count| count > 0) && !logprobs {
            return Err(Error::field("top_logprobs", "needs `logprobs` to be true"));
        }
        Ok(Request {
            tokens,
            adapter: (self.model != serving.model.name).then(|| self.model.clone()),
            sampling: self.sampling(serving)?,
            max_tokens,
            stop: match &self.stop {
                None => vec![],
                Some(Stop::One(stop)) => vec![stop.clone()],
                Some(Stop::Several(stops)) => stops.clone(),
            },
            stop_ids: self.stop_token_ids.clone().unwrap_or_default(),
            ignore_end: self.ignore_eos.unwrap_or(false),
            logprobs: logprobs.then(|| self.top_logprobs.unwrap_or(0)),
            prompt_logprobs: false,
        })
    }

    /// Whether the answer is streamed.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// Whether a stream ends with the usage.
    pub fn includes_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    /// Whether the answer includes token ids.
    pub fn returns_ids(&self) -> bool {
        self.return_token_ids.unwrap_or(false)
    }

    fn messages(&self) -> Result<Vec<Message>> {
        let message = |message: &ChatMessage| Message {
            role: message.role,
            content: match &message.content {
                Content::Text(text) => text.clone(),
                // Joined by line breaks, as in vLLM.
                Content::Parts(parts) => {
                    parts.iter().map(|Part::Text { text }| text.as_str()).collect::<Vec<_>>().join("\n")
                }
            },
        };
        Ok(self.messages.iter().map(message).collect())
    }

    fn rendering(&self) -> Result<Rendering> {
        let mut enable_thinking = None;
        for (key, value) in self.chat_template_kwargs.iter().flatten() {
            let field = format!("chat_template_kwargs.{key}");
            match (key.as_str(), value) {
                (_, Value::Null) => {}
                ("enable_thinking", Value::Bool(value)) => enable_thinking = Some(*value),
                ("enable_thinking", _) => return Err(Error::field(field, "must be true or false")),
                _ => return Err(Error::field(field, "is not supported by this server")),
            }
        }
        Ok(Rendering { add_generation_prompt: true, enable_thinking })
    }

    fn sampling(&self, serving: &Serving) -> Result<Sampling> {
        let defaults = serving.defaults;
        let top_k = match self.top_k {
            None => defaults.top_k,
            Some(-1) => 0,
            Some(k) => usize::try_from(k)
                .map_err(|_| Error::field("top_k", format!("must be -1, 0 (both: all) or more, is {k}")))?,
        };
        Ok(Sampling {
            temperature: self.temperature.unwrap_or(defaults.temperature),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            top_k,
            seed: self.seed.map(i64::cast_unsigned),
        })
    }
}
