//! What the requests for answers have in common: the model, the sampling, the end, the stream.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::generate::{Request, Sampling};
use crate::serve::{Error, Result, Serving};

/// The keys that are read; null means absent.
#[derive(Deserialize)]
pub struct Common {
    pub model: String,
    temperature: Option<f64>,
    top_p: Option<f64>,
    /// 0 is all, and so is -1, as in vLLM.
    top_k: Option<i64>,
    seed: Option<i64>,
    stop: Option<Stop>,
    stop_token_ids: Option<BTreeSet<i64>>,
    ignore_eos: Option<bool>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    return_token_ids: Option<bool>,
    return_tokens_as_token_ids: Option<bool>,
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
        ("tool_choice", vec![json!("none")]), // and, without tools, "auto"
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
        ("suffix", vec![json!("")]),
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

/// The keys of a body.
///
/// # Errors
/// If it is no JSON object, or has an unsupported key that would change the answer.
pub fn keys(body: &[u8]) -> Result<Map<String, Value>> {
    let map = object(body)?;
    check(&map)?;
    Ok(map)
}

/// The keys of a body, whatever they are.
///
/// # Errors
/// If it is no JSON object.
pub fn object(body: &[u8]) -> Result<Map<String, Value>> {
    serde_json::from_slice(body)
        .map_err(|error| Error::field("body", format!("is not a JSON object: {error}")))
}

/// Refuses an unsupported key that would change the answer.
///
/// # Errors
/// Names it.
pub fn check(map: &Map<String, Value>) -> Result<()> {
    let has_tools = map.get("tools").is_some_and(|tools| !tools.is_null() && *tools != json!([]));
    for (key, neutral) in unsupported() {
        match map.get(key) {
            None | Some(Value::Null) => {}
            Some(value) if neutral.contains(value) => {}
            Some(value) if key == "tool_choice" && value == "auto" && !has_tools => {}
            Some(value) => {
                return Err(Error::field(key, format!("is not supported by this server: {value}")));
            }
        }
    }
    Ok(())
}

/// Reads some of the keys.
///
/// # Errors
/// If one is missing or malformed; names it.
pub fn read<T: DeserializeOwned>(map: &Map<String, Value>) -> Result<T> {
    serde_path_to_error::deserialize(Value::Object(map.clone())).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".to_owned() } else { path };
        Error::field(field, format!("is not as it should be: {}", error.inner()))
    })
}

impl Common {
    /// A request to the engine for one answer to this prompt.
    ///
    /// # Errors
    /// If a field is out of bounds; `field` is the name of `max_tokens` in the request.
    pub fn request(
        &self,
        serving: &Serving,
        tokens: Vec<i64>,
        (field, max_tokens): (&str, Option<usize>),
        logprobs: Option<usize>,
    ) -> Result<Request> {
        let context = serving.engine.context_length();
        if let Some(asked) = max_tokens.filter(|asked| *asked > context) {
            let problem = format!(
                "is {asked}: max_tokens={asked} cannot be greater than max_model_len={context}. Please request fewer \
                 output tokens."
            );
            return Err(Error::field(field, problem));
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
            logprobs,
            of_draws: false,
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

    /// Whether log-probabilities name tokens by their ids, as `token_id:17`.
    pub fn names_ids(&self) -> bool {
        self.return_tokens_as_token_ids.unwrap_or(false)
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
