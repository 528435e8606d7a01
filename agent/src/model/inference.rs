//! Models behind `runtime_gym.inference.v1`, as `trainer serve` offers them.

use client::{InferenceClient, Retry, is_unreachable};
use proto::conversation::Message;
use proto::inference::v1;
use proto::trace::TokenUsage;
use tokio::sync::Semaphore;
use tonic::{Code, Status};

use super::client::{Model, Weights};
use super::error::Error;
use super::generate::{Completion, FinishReason, GenerateRequest, Tokens};
use crate::config;
use crate::pool::{Failed, Pool};

/// The machine-readable reason of a call whose prompt is too long.
const CONTEXT_OVERFLOW: &str = "CONTEXT_OVERFLOW";

/// A served base model, or one of its adapters. Dropping a call cancels its generation on the server.
#[derive(Debug)]
pub struct Inference {
    name: String,
    /// Empty for the base model.
    adapter: String,
    weights: Weights,
    servers: Pool<Server>,
    /// Bounds the calls that are made at once.
    calls: Semaphore,
    retry: Retry,
    /// Whether log-probabilities are asked for.
    logprobs: bool,
}

/// A server, connected.
#[derive(Debug)]
struct Server {
    url: String,
    client: InferenceClient,
}

impl Inference {
    /// Connects, and checks that all servers have the model, with the same weights.
    ///
    /// # Errors
    /// [`Error::NoServer`], [`Error::Connect`], [`Error::NotServed`], [`Error::OtherWeights`], or what a server reported.
    pub async fn connect(llm: &config::Llm) -> Result<Self, Error> {
        let name = llm.model.clone();
        let mut servers = Vec::new();
        let mut found: Option<(String, Weights)> = None;
        for url in &llm.urls {
            let (client, adapter, weights) = Self::connect_one(url, &name).await?;
            servers.push(Server { url: url.clone(), client });
            match &found {
                Some((_, others)) if *others != weights => {
                    let urls = [llm.urls[0].clone(), url.clone()];
                    return Err(Error::OtherWeights { model: name, urls });
                }
                _ => found = Some((adapter, weights)),
            }
        }
        let (Some(servers), Some((adapter, weights))) = (Pool::new(servers), found) else {
            return Err(Error::NoServer { model: name });
        };
        let calls = Semaphore::new(llm.max_concurrent_requests);
        let (retry, logprobs) = (llm.retry(), llm.logprobs);
        Ok(Self { name, adapter, weights, servers, calls, retry, logprobs })
    }

    /// Connects to one server; its adapter and the weights of the model.
    async fn connect_one(url: &str, name: &str) -> Result<(InferenceClient, String, Weights), Error> {
        let mut client = client::connect_inference(url).await?;
        let info = client
            .get_model_info(v1::GetModelInfoRequest {})
            .await
            .map_err(|status| failed(url, &status))?
            .into_inner();
        let (adapter, adapter_sha256) = served(&info, name).ok_or_else(|| {
            let adapters = info.adapters.iter().map(|adapter| adapter.name.as_str());
            let serves: Vec<&str> = std::iter::once(info.model.as_str()).chain(adapters).collect();
            Error::NotServed { url: url.to_owned(), model: name.to_owned(), serves: serves.join(", ") }
        })?;
        Ok((client, adapter, Weights { model_sha256: info.model_sha256, adapter_sha256 }))
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
        let logprobs = self.logprobs.then_some(0);
        let request = v1::GenerateRequest { logprobs, ..wire_request(request, &self.adapter) };
        let request = &request;
        self.servers
            .try_each(&self.retry, |Server { url, client }| async move {
                let answer = client.clone().generate(request.clone()).await;
                let status = match answer.map(|response| completion(response.into_inner())) {
                    Ok(Some(completion)) => return Ok(completion),
                    Ok(None) => Status::unavailable("it shut down before the answer's end"),
                    Err(status) => status,
                };
                Err(Failed {
                    passes: is_worth_a_retry(&status),
                    retry_after: client::retry_after(&status),
                    error: failed(url, &status),
                })
            })
            .await
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
    let tokens = Tokens {
        prompt: response.prompt_token_ids,
        answer: response.token_ids,
        logprobs: response.logprobs.iter().map(|token| token.logprob).collect(),
        ended: false,
    };
    Some(Completion {
        text: response.text,
        finish_reason,
        usage,
        tokens: Some(tokens),
        ..Completion::default()
    })
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
        Error::Refused { url: url.to_owned(), problem }
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
