//! Models behind an HTTP API like OpenAI's: vLLM, `trainer serve`, llama.cpp's server, hosted models.
//!
//! | file       | what it holds                                               |
//! |------------|-------------------------------------------------------------|
//! | `key`      | API keys, read and never shown                              |
//! | `server`   | one server: requests, answers whole or in parts             |
//! | `body`     | the body of a request                                       |
//! | `answer`   | the format of answers                                       |
//! | `failure`  | why there is no answer, and whether another attempt can help |
//! | `adapter`  | a LoRA that vLLM loads for the run                          |
//! | `prompt`   | prompts as token ids, which continue the tokens of the call before |
//!
//! A call goes to the least busy server of several. A failure that may pass is followed by another attempt, on another
//! server if there is one; the caller bounds the time of all attempts together. Dropping a call closes its connection,
//! and the server stops writing.

use std::time::Duration;

use client::Retry;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::adapter::Adapter;
use self::body::Body;
use self::failure::{Failure, Kind};
use self::key::Key;
use self::server::Server;
use super::client::{Model, Weights};
use super::error::Error;
use super::generate::{Completion, GenerateRequest};
use crate::config::{self, Backend};
use crate::pool::{Failed, Pool};

mod adapter;
mod answer;
mod body;
mod failure;
mod key;
mod prompt;
mod server;

/// How long a server may take to forget an adapter.
const RELEASE: Duration = Duration::from_secs(5);

/// A model on one or several servers.
#[derive(Debug)]
pub struct OpenAi {
    /// The model's name in the config.
    name: String,
    /// The model's name in requests.
    served: String,
    /// Whether vLLM's additions to the API are used.
    vllm: bool,
    servers: Pool<Server>,
    /// The adapter that was loaded for the run.
    adapter: Option<Adapter>,
    /// Bounds the calls that are made at once.
    calls: Semaphore,
    retry: Retry,
    stream: bool,
    logprobs: bool,
    /// Whether prompts are sent as tokens.
    token_prompts: bool,
    extra_body: Map<String, Value>,
}

impl OpenAi {
    /// Checks that a server answers, takes the key and has the model, and has vLLM load the adapter that the config names.
    ///
    /// # Errors
    /// [`Error::NoServer`], [`Error::NoKey`], [`Error::NotServed`], or what the servers reported.
    pub async fn connect(llm: &config::Llm) -> Result<Self, Error> {
        let name = llm.model.clone();
        let key = llm.api_key_env.as_deref().map(Key::read).transpose()?;
        let idle = llm.stream.then(|| Duration::from_secs_f64(llm.idle_timeout_s));
        let http = server::http()?;
        let server = |url: &String| Server::new(url, key.clone(), idle, http.clone());
        let servers = Pool::new(llm.urls.iter().map(server).collect())
            .ok_or_else(|| Error::NoServer { model: name.clone() })?;
        let vllm = llm.backend() == Some(Backend::Vllm);
        let adapter = llm.lora_path.as_deref().map(|path| Adapter::read(&name, path)).transpose()?;
        let served = adapter.as_ref().map_or_else(|| name.clone(), |adapter| adapter.name.clone());

        // Those that do not answer now may do so later; one that answers is enough to begin.
        let (mut is_ready, mut unreachable) = (false, None);
        for server in servers.servers() {
            let prepared = match &adapter {
                Some(adapter) => adapter.load(server).await.map_err(|failure| server.error(failure)),
                None => check_model(server, &name, vllm).await,
            };
            match prepared {
                Ok(()) => is_ready = true,
                Err(error @ Error::Unreachable { .. }) => unreachable = Some(error),
                Err(error) => return Err(error),
            }
        }
        if let (false, Some(error)) = (is_ready, unreachable) {
            return Err(error);
        }
        Ok(Self {
            name,
            served,
            vllm,
            servers,
            adapter,
            calls: Semaphore::new(llm.max_concurrent_requests),
            retry: llm.retry(),
            stream: llm.stream,
            logprobs: llm.logprobs,
            token_prompts: llm.token_prompts,
            extra_body: llm.extra_body.clone(),
        })
    }

    /// The body of a request.
    fn body<'request>(&self, request: &'request GenerateRequest) -> Body<'request> {
        let max_tokens = if self.vllm { "max_tokens" } else { "max_completion_tokens" };
        let mut body = Map::new();
        let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
        set("model", json!(self.served));
        set("temperature", json!(request.sampling.temperature));
        set("seed", json!(request.seed));
        set(max_tokens, json!(request.max_tokens));
        if !request.stop.is_empty() {
            set("stop", json!(request.stop));
        }
        if !request.tools.is_empty() {
            set("tools", json!(request.tools));
        }
        if self.stream {
            set("stream", json!(true));
            set("stream_options", json!({ "include_usage": true }));
        }
        if self.logprobs {
            set("logprobs", json!(true));
        }
        if self.vllm {
            set("chat_template_kwargs", json!({ "enable_thinking": request.enable_thinking }));
            set("return_token_ids", json!(true));
        }
        for (key, value) in &self.extra_body {
            match value {
                Value::Null => body.remove(key),
                value => body.insert(key.clone(), value.clone()),
            };
        }
        Body { messages: &request.messages, settings: body }
    }

    /// One attempt at one server. If the server has restarted since the run began, it has forgotten the adapter, and loads it
    /// again.
    async fn attempt(
        &self,
        server: &Server,
        request: &GenerateRequest,
        body: &Body<'_>,
    ) -> Result<Completion, Failure> {
        let answer = self.ask(server, request, body).await;
        match (&answer, &self.adapter) {
            (Err(Failure { status: Some(StatusCode::NOT_FOUND), .. }), Some(adapter)) => {
                adapter.load(server).await?;
                self.ask(server, request, body).await
            }
            _ => answer,
        }
    }

    /// One request for an answer.
    async fn ask(
        &self,
        server: &Server,
        request: &GenerateRequest,
        body: &Body<'_>,
    ) -> Result<Completion, Failure> {
        match self.token_prompts {
            false => server.answer("chat/completions", body, body.messages).await,
            true => {
                let body = prompt::body(server, body, &request.seen).await?;
                server.answer("completions", &body, &request.messages).await
            }
        }
    }
}

#[tonic::async_trait]
impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn weights(&self) -> Weights {
        let adapter_sha256 = self.adapter.as_ref().map(|adapter| adapter.sha256.clone()).unwrap_or_default();
        Weights { adapter_sha256, ..Weights::default() }
    }

    fn settings(&self) -> Value {
        let mut settings =
            json!({ "vllm": self.vllm, "logprobs": self.logprobs, "extra_body": self.extra_body });
        if self.token_prompts {
            settings["token_prompts"] = json!(true);
        }
        settings
    }

    async fn release(&self) {
        let Some(adapter) = &self.adapter else { return };
        for server in self.servers.servers() {
            // A server that has gone has forgotten it.
            let _ = timeout(RELEASE, adapter.unload(server)).await;
        }
    }

    async fn generate(&self, request: &GenerateRequest) -> Result<Completion, Error> {
        // The semaphore is never closed, so acquiring can't fail.
        let _permit = self.calls.acquire().await;
        let body = &self.body(request);
        self.servers
            .try_each(&self.retry, |server| async move {
                self.attempt(server, request, body).await.map_err(|failure| Failed {
                    passes: failure.kind == Kind::Passing,
                    retry_after: failure.retry_after,
                    error: server.error(failure),
                })
            })
            .await
    }
}

/// Checks that the server answers and takes the key and, if it is vLLM, that it has the model. The lists of other servers are
/// no proof: some are incomplete, some give other names.
async fn check_model(server: &Server, model: &str, vllm: bool) -> Result<(), Error> {
    let models = match server.models().await {
        Err(Failure { status: Some(StatusCode::NOT_FOUND), .. }) if !vllm => return Ok(()),
        models => models.map_err(|failure| server.error(failure))?,
    };
    if vllm && !models.iter().any(|served| served == model) {
        let (url, model) = (server.url().to_owned(), model.to_owned());
        return Err(Error::NotServed { url, model, serves: models.join(", ") });
    }
    Ok(())
}
