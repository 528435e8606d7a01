//! Models behind `runtime_gym.inference.v1`, as `trainer serve` offers them.

use std::time::Duration;

use client::{InferenceClient, Retry, is_unreachable};
use proto::conversation::Message;
use proto::inference::v1;
use proto::trace::TokenUsage;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tonic::{Code, Status};

use super::client::{Model, Weights};
use super::error::Error;
use super::generate::{Completion, FinishReason, GenerateRequest};
use crate::config;

/// The machine-readable reason of a call whose prompt is too long.
const CONTEXT_OVERFLOW: &str = "CONTEXT_OVERFLOW";

/// A served base model, or one of its adapters. Dropping a call cancels its generation on the server.
#[derive(Debug)]
pub struct Inference {
    name: String,
    url: String,
    /// Empty for the base model.
    adapter: String,
    weights: Weights,
    client: InferenceClient,
    /// Bounds the calls that are made at once.
    calls: Semaphore,
    retry: Retry,
}

impl Inference {
    /// Connects, and checks that the server has the model.
    ///
    /// # Errors
    /// [`Error::NoServer`], [`Error::Connect`], [`Error::NotServed`], or what the server reported.
    pub async fn connect(llm: &config::Llm) -> Result<Self, Error> {
        let name = llm.model.clone();
        let url = llm.url.clone().ok_or_else(|| Error::NoServer { model: name.clone() })?;
        let mut client = client::connect_inference(&url).await?;
        let info = client
            .get_model_info(v1::GetModelInfoRequest {})
            .await
            .map_err(|status| failed(&url, &status))?
            .into_inner();
        let (adapter, adapter_sha256) = served(&info, &name).ok_or_else(|| {
            let adapters = info.adapters.iter().map(|adapter| adapter.name.as_str());
            let serves: Vec<&str> = std::iter::once(info.model.as_str()).chain(adapters).collect();
            Error::NotServed { url: url.clone(), model: name.clone(), serves: serves.join(", ") }
        })?;
        Ok(Self {
            name,
            url,
            adapter,
            weights: Weights { model_sha256: info.model_sha256, adapter_sha256 },
            client,
            calls: Semaphore::new(llm.max_concurrent_requests),
            retry: retry(llm),
        })
    }
}

/// A request to the base model, or to an adapter.
fn wire_request(request: &GenerateRequest, adapter: &str) -> v1::GenerateRequest {
    let messages = request.messages.iter().map(wire_message).collect();
    v1::GenerateRequest {
        prompt: Some(v1::generate_request::Prompt::Messages(v1::Messages {
            messages,
            enable_thinking: Some(request.enable_thinking),
        })),
        adapter: adapter.to_owned(),
        sampling: Some(v1::Sampling {
            temperature: request.sampling.temperature as f32,
            seed: Some(request.seed),
            ..v1::Sampling::default()
        }),
        max_tokens: request.max_tokens,
        stop: request.stop.clone(),
        ..v1::GenerateRequest::default()
    }
}

/// Name and digest of the adapter that `name` selects, both empty for the base model; `None` if the server
/// has no such model.
fn served(info: &v1::GetModelInfoResponse, name: &str) -> Option<(String, String)> {
    if info.model == name {
        return Some(<_>::default());
    }
    let adapter = info.adapters.iter().find(|adapter| adapter.name == name)?;
    Some((adapter.name.clone(), adapter.sha256.clone()))
}

#[tonic::async_trait]
impl Model for Inference {
    fn name(&self) -> &str {
        &self.name
    }

    fn weights(&self) -> Weights {
        self.weights.clone()
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        // The semaphore is never closed, so acquiring can't fail.
        let _permit = self.calls.acquire().await;
        let request = wire_request(request, &self.adapter);
        let mut attempt = 0;
        loop {
            match self.client.clone().generate(request.clone()).await {
                Ok(response) => match completion(response.into_inner()) {
                    Some(completion) => return Ok(completion),
                    None if self.retry.allows_another(attempt) => {
                        sleep(self.retry.wait(attempt)).await;
                        attempt += 1;
                    }
                    None => {
                        let problem = "it shut down before the answer's end".to_owned();
                        return Err(Error::Unreachable { url: self.url.clone(), problem });
                    }
                },
                Err(status) if is_worth_a_retry(&status) && self.retry.allows_another(attempt) => {
                    sleep(self.retry.wait_after(attempt, &status)).await;
                    attempt += 1;
                }
                Err(status) => return Err(failed(&self.url, &status)),
            }
        }
    }
}

fn wire_message(message: &Message) -> v1::Message {
    v1::Message { role: message.role.name().to_owned(), content: message.content.clone() }
}

/// `None` if the server shut down before the answer was complete: that is not an answer of the model.
fn completion(response: v1::GenerateResponse) -> Option<Completion> {
    let finish_reason = match response.finish_reason() {
        v1::FinishReason::Cancelled => return None,
        v1::FinishReason::Stop => FinishReason::Stop,
        v1::FinishReason::Length => FinishReason::Length,
        other => FinishReason::Other(other.as_str_name().to_owned()),
    };
    let usage = response.usage.unwrap_or_default();
    let (prompt_tokens, completion_tokens) =
        (u64::from(usage.prompt_tokens), u64::from(usage.completion_tokens));
    let usage = TokenUsage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
        estimated: false,
    };
    Some(Completion { text: response.text, finish_reason, usage })
}

fn is_worth_a_retry(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted || is_unreachable(status)
}

fn failed(url: &str, status: &Status) -> Error {
    let problem = client::explain(status);
    if is_unreachable(status) {
        Error::Unreachable { url: url.to_owned(), problem }
    } else if client::reason(status).is_some_and(|reason| reason == CONTEXT_OVERFLOW) {
        Error::ContextOverflow { problem }
    } else {
        Error::Refused { problem }
    }
}

/// The retries of a config. The caller bounds the time of a call.
fn retry(llm: &config::Llm) -> Retry {
    Retry {
        attempts: llm.max_retries.saturating_add(1),
        base: Duration::from_secs_f64(llm.backoff_base_s),
        max: Duration::from_secs_f64(llm.backoff_max_s),
        jitter: Duration::from_secs_f64(llm.jitter_s),
        deadline: Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_what_the_config_says_of_the_answer() {
        for enable_thinking in [false, true] {
            let stop = vec!["Observation:".to_owned()];
            let request =
                GenerateRequest { stop: stop.clone(), enable_thinking, max_tokens: 7, ..Default::default() };
            let sent = wire_request(&request, "reset");
            let Some(v1::generate_request::Prompt::Messages(messages)) = sent.prompt else {
                panic!("{sent:?}")
            };
            assert_eq!(messages.enable_thinking, Some(enable_thinking));
            assert_eq!((sent.stop, sent.max_tokens, sent.adapter.as_str()), (stop, 7, "reset"));
        }
    }

    #[test]
    fn a_model_is_the_base_or_an_adapter() {
        let info = v1::GetModelInfoResponse {
            model: "base".to_owned(),
            adapters: vec![v1::Adapter {
                name: "reset".to_owned(),
                sha256: "ab".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        assert_eq!(served(&info, "base"), Some((String::new(), String::new())));
        assert_eq!(served(&info, "reset"), Some(("reset".to_owned(), "ab".to_owned())));
        assert_eq!(served(&info, "other"), None);
    }
}
