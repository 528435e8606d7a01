//! The model and how it is called.

use fields::{Fields, FromJson, Place};
use serde::Serialize;
use serde_json::Value;

use super::keys;
use crate::teachers::policy::Policy;

/// The model and how it is called.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Llm {
    /// The kind of model. In a config it may be omitted if `model` or `url` implies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    /// The model, as the backend names it: a scripted policy; a served base model or one of its adapters.
    pub model: String,
    /// The inference server, such as http://127.0.0.1:50052. `--inference` replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f64,
    /// The most new tokens of one answer.
    pub max_tokens: u32,
    /// Whether the model is asked to think before it answers, if its chat template has the choice. The paper's is not.
    pub enable_thinking: bool,
    /// Texts that end an answer; it is sent without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Seconds until a model call is abandoned.
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
    /// The backend of the config or, without one, the backend that `model` or `url` implies.
    pub fn backend(&self) -> Option<Backend> {
        self.backend.or_else(|| implied_backend(&self.model, self.url.is_some()))
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
}

fields::words! { Backend { "scripted" => Scripted, "inference" => Inference } }

impl FromJson for Llm {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let backend: Option<Option<Backend>> = fields.or_default("backend");
        let model: Option<String> = fields.required("model");
        let url: Option<Option<String>> = fields.or_default("url");
        let temperature = keys::temperature(&fields, "temperature", 0.2);
        let max_tokens = keys::at_least_one(&fields, "max_tokens", 12_288);
        let enable_thinking = fields.or_default("enable_thinking");
        let stop = fields.or_as("stop", Vec::new(), stop_texts);
        let timeout_s = keys::seconds(&fields, "timeout_s", 120.0);
        let max_concurrent_requests = keys::at_least_one(&fields, "max_concurrent_requests", 8);
        let max_retries = fields.or("max_retries", 6);
        let backoff_base_s = keys::wait(&fields, "backoff_base_s", 0.5);
        let backoff_max_s = keys::wait(&fields, "backoff_max_s", 30.0);
        let jitter_s = keys::wait(&fields, "jitter_s", 0.2);
        fields.refuse_unknown();
        let (backend, model, url) = (backend?, model?, url?);
        let backend = backend.or_else(|| implied_backend(&model, url.is_some()));
        check_model(backend, &model, &fields.at("model"));
        Some(Self {
            backend,
            model,
            url,
            temperature: temperature?,
            max_tokens: max_tokens?,
            enable_thinking: enable_thinking?,
            stop: stop?,
            timeout_s: timeout_s?,
            max_concurrent_requests: max_concurrent_requests?,
            max_retries: max_retries?,
            backoff_base_s: backoff_base_s?,
            backoff_max_s: backoff_max_s?,
            jitter_s: jitter_s?,
        })
    }
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
                "`{model}` is no scripted policy ({policies}); if an inference server has it, say `backend: \
                 inference`"
            )
        }),
        Some(Backend::Scripted) => place.require(Policy::named(model).is_some(), || {
            format!("`{model}` is not a scripted policy; there are {policies}")
        }),
        Some(Backend::Inference) => {}
    }
}
