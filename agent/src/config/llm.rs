//! The model and how it is called.

use std::path::PathBuf;
use std::time::Duration;

use client::Retry;
use fields::{Fields, FromJson, Place};
use serde::Serialize;
use serde_json::{Map, Value};

use super::keys;
use crate::teachers::policy::Policy;

/// The default of [`Llm::idle_timeout_s`].
const IDLE_TIMEOUT_S: f64 = 60.0;

fn is_usual_silence(seconds: &f64) -> bool {
    *seconds == IDLE_TIMEOUT_S
}

/// The model and how it is called.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Llm {
    /// The kind of model. In a config it may be omitted if `model` or `url` implies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// The model, as the backend names it: a scripted policy; a served base model or one of its adapters.
    pub model: String,
    /// The servers of the model, such as http://127.0.0.1:50052 or http://127.0.0.1:8000/v1; none for a scripted policy.
    /// A call goes to the least busy one. `--inference` replaces them.
    #[serde(rename = "url", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// The environment variable that holds the servers' API key; the key itself is in no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// A folder with a LoRA that vLLM loads when the run begins, from the server's disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora_path: Option<PathBuf>,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f64,
    /// The most new tokens of one answer.
    pub max_tokens: u32,
    /// Whether the model is asked to think before it answers, if its chat template has the choice. The paper's is not.
    pub enable_thinking: bool,
    /// Texts that end an answer; it is sent without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// What tokens cost, for the cost that a run shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// Whether answers are kept in the run's cache, and taken from it.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub cache_enabled: bool,
    /// Whether the tokens' log-probabilities are asked for and recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub logprobs: bool,
    /// Whether prompts are sent as token ids that begin with those of the call before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub token_prompts: bool,
    /// Keys of the request's body that are sent as they are; null removes a key that is sent otherwise.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra_body: Map<String, Value>,
    /// Whether answers are received in parts as they are written.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub stream: bool,
    /// Seconds without a part until a streamed answer counts as broken off.
    #[serde(skip_serializing_if = "is_usual_silence")]
    pub idle_timeout_s: f64,
    /// Seconds until a model call is abandoned, its repetitions included.
    pub timeout_s: f64,
    /// How many calls a backend with a server makes at once.
    pub max_concurrent_requests: usize,
    /// How often a backend with a server repeats a failed call.
    pub max_retries: u32,
    /// Seconds before the first repetition; the wait doubles each time.
    pub backoff_base_s: f64,
    /// The longest wait before a repetition, in seconds.
    pub backoff_max_s: f64,
    /// The most seconds that are added to each wait at random.
    pub jitter_s: f64,
}

impl Llm {
    /// A model of this name without a server, and the defaults for everything else.
    pub fn unserved(model: &str) -> Self {
        Self {
            backend: None,
            model: model.to_owned(),
            urls: Vec::new(),
            api_key_env: None,
            lora_path: None,
            temperature: 0.2,
            max_tokens: 12_288,
            enable_thinking: false,
            stop: Vec::new(),
            prices: None,
            cache_enabled: true,
            logprobs: false,
            token_prompts: false,
            extra_body: Map::new(),
            stream: true,
            idle_timeout_s: IDLE_TIMEOUT_S,
            timeout_s: 120.0,
            max_concurrent_requests: 8,
            max_retries: 6,
            backoff_base_s: 0.5,
            backoff_max_s: 30.0,
            jitter_s: 0.2,
        }
    }

    /// How failed calls are repeated. The caller bounds the time of all attempts together.
    pub fn retry(&self) -> Retry {
        Retry {
            attempts: self.max_retries.saturating_add(1),
            base: Duration::from_secs_f64(self.backoff_base_s),
            max: Duration::from_secs_f64(self.backoff_max_s),
            jitter: Duration::from_secs_f64(self.jitter_s),
            deadline: Duration::MAX,
        }
    }

    /// The backend of the config or, without one, the backend that `model` or `url` implies.
    pub fn backend(&self) -> Option<Backend> {
        self.backend.or_else(|| implied_backend(&self.model, !self.urls.is_empty()))
    }
}

fn implied_backend(model: &str, has_url: bool) -> Option<Backend> {
    match Policy::named(model) {
        Some(_) => Some(Backend::Scripted),
        None => has_url.then_some(Backend::Inference),
    }
}

/// Kinds of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// Scripted policies: teachers and stand-ins for models in tests.
    Scripted,
    /// A model behind `runtime_gym.inference.v1`, as `trainer serve` offers it.
    Inference,
    /// A model behind vLLM's HTTP API, or one that has vLLM's additions to OpenAI's API.
    Vllm,
    /// A model behind any HTTP API like OpenAI's: only what that API has is sent.
    Openai,
}

fields::words! {
    Backend { "scripted" => Scripted, "inference" => Inference, "vllm" => Vllm, "openai" => Openai }
}

impl Backend {
    /// Whether it speaks HTTP, with a base URL.
    fn is_http(self) -> bool {
        matches!(self, Self::Vllm | Self::Openai)
    }
}

impl FromJson for Llm {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let default = Self::unserved("");
        let backend: Option<Option<Backend>> = fields.or_default("backend");
        let model: Option<String> = fields.required("model");
        let urls = fields.or_as("url", Vec::new(), keys::urls);
        let api_key_env = fields.or_default("api_key_env");
        let lora_path: Option<Option<PathBuf>> = fields.or_default("lora_path");
        let temperature = keys::temperature(&fields, "temperature", default.temperature);
        let max_tokens = keys::at_least_one(&fields, "max_tokens", default.max_tokens);
        let enable_thinking = fields.or_default("enable_thinking");
        let stop = fields.or_as("stop", Vec::new(), stop_texts);
        let prices = fields.or_default("prices");
        let cache_enabled = fields.or("cache_enabled", default.cache_enabled);
        let logprobs = fields.or_default("logprobs");
        let token_prompts: Option<bool> = fields.or_default("token_prompts");
        let extra_body = fields.or_as("extra_body", Map::new(), extra_body);
        let stream = fields.or("stream", default.stream);
        let idle_timeout_s = keys::seconds(&fields, "idle_timeout_s", default.idle_timeout_s);
        let timeout_s = keys::seconds(&fields, "timeout_s", default.timeout_s);
        let max_concurrent_requests =
            keys::at_least_one(&fields, "max_concurrent_requests", default.max_concurrent_requests);
        let max_retries = fields.or("max_retries", default.max_retries);
        let backoff_base_s = keys::wait(&fields, "backoff_base_s", default.backoff_base_s);
        let backoff_max_s = keys::wait(&fields, "backoff_max_s", default.backoff_max_s);
        let jitter_s = keys::wait(&fields, "jitter_s", default.jitter_s);
        fields.refuse_unknown();
        let (backend, model, urls, lora_path, token_prompts) =
            (backend?, model?, urls?, lora_path?, token_prompts?);
        let backend = backend.or_else(|| implied_backend(&model, !urls.is_empty()));
        check_model(backend, &model, &fields.at("model"));
        if backend.is_some_and(Backend::is_http) {
            check_base_urls(&urls, &fields.at("url"));
        }
        fields.at("lora_path").require(lora_path.is_none() || backend == Some(Backend::Vllm), || {
            "needs `backend: vllm`: only vLLM loads adapters by a path".into()
        });
        fields.at("token_prompts").require(!token_prompts || backend == Some(Backend::Vllm), || {
            "needs `backend: vllm`: other servers do not tell the tokens of a conversation".into()
        });
        Some(Self {
            backend,
            model,
            urls,
            api_key_env: api_key_env?,
            lora_path,
            temperature: temperature?,
            max_tokens: max_tokens?,
            enable_thinking: enable_thinking?,
            stop: stop?,
            prices: prices?,
            cache_enabled: cache_enabled?,
            logprobs: logprobs?,
            token_prompts,
            extra_body: extra_body?,
            stream: stream?,
            idle_timeout_s: idle_timeout_s?,
            timeout_s: timeout_s?,
            max_concurrent_requests: max_concurrent_requests?,
            max_retries: max_retries?,
            backoff_base_s: backoff_base_s?,
            backoff_max_s: backoff_max_s?,
            jitter_s: jitter_s?,
        })
    }
}

/// What a million tokens cost, in any currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prices {
    /// Tokens that a model is sent.
    pub prompt: f64,
    /// Tokens that it writes.
    pub completion: f64,
}

impl FromJson for Prices {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let price = |key| {
            let price: f64 = fields.required(key)?;
            fields
                .at(key)
                .require(price >= 0.0 && price.is_finite(), || format!("must be at least 0, not {price}"));
            Some(price)
        };
        let (prompt, completion) = (price("prompt"), price("completion"));
        fields.refuse_unknown();
        Some(Self { prompt: prompt?, completion: completion? })
    }
}

fn check_base_urls(urls: &[String], place: &Place<'_>) {
    for url in urls {
        let parsed = reqwest::Url::parse(url).ok();
        place.require(parsed.as_ref().is_some_and(|url| matches!(url.scheme(), "http" | "https")), || {
            format!("`{url}` must be a base URL, such as http://127.0.0.1:8000/v1")
        });
        // Not quoted: it may be a secret.
        let has_key = parsed.is_some_and(|url| !url.username().is_empty() || url.query().is_some());
        place.require(!has_key, || {
            "must not hold a name, a password or a query: this file is copied into the run's folder; put the key \
             into an environment variable, and name that in `api_key_env`"
                .into()
        });
    }
}

/// Keys of a request's body that are not the agent's own business.
fn extra_body(value: &Value, place: &Place<'_>) -> Option<Map<String, Value>> {
    let Value::Object(body) = value else { return place.expected("a map of keys", value) };
    for key in ["messages", "stream", "n"] {
        place.key(key).require(!body.contains_key(key), || "is set by the agent".into());
    }
    Some(body.clone())
}

fn stop_texts(value: &Value, place: &Place<'_>) -> Option<Vec<String>> {
    let texts = Vec::<String>::from_json(value, place)?;
    for (index, text) in texts.iter().enumerate() {
        place
            .index(index)
            .require(!text.is_empty(), || "must not be empty: it would end every answer".into());
    }
    Some(texts)
}

/// Records a problem unless the backend is known and, as far as can be said without a server, has the model.
fn check_model(backend: Option<Backend>, model: &str, place: &Place<'_>) {
    let policies = Policy::names();
    match backend {
        None => place.require(false, || {
            format!(
                "`{model}` is no scripted policy ({policies}); if a server has it, say `backend: inference`, `vllm` or \
                 `openai`, and `url`"
            )
        }),
        Some(Backend::Scripted) => place.require(Policy::named(model).is_some(), || {
            format!("`{model}` is not a scripted policy; there are {policies}")
        }),
        Some(Backend::Inference | Backend::Vllm | Backend::Openai) => {}
    }
}
