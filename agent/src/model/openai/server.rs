//! One server: requests to it, and its answers, whole or in parts.

use std::time::Duration;

use eventsource_stream::{EventStreamError, Eventsource as _};
use futures::StreamExt as _;
use proto::conversation::Message;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use super::answer::{Answer, Collected};
use super::failure::{Failure, Kind};
use super::key::Key;
use crate::model::Error;
use crate::model::generate::Completion;
use crate::version;

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The content type of a streamed answer.
const EVENTS: &str = "text/event-stream";

/// What ends a stream.
const DONE: &str = "[DONE]";

/// A server of an API like OpenAI's.
#[derive(Debug)]
pub struct Server {
    /// Its base URL, without a `/` at the end.
    url: String,
    key: Option<Key>,
    /// How long it may be silent while it streams an answer; `None` if it does not stream.
    idle: Option<Duration>,
    http: Client,
}

/// The answer to `GET models`.
#[derive(Deserialize)]
struct Models {
    data: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

/// A conversation as tokens.
#[derive(Debug, Deserialize)]
pub struct Tokenized {
    /// The tokens' ids.
    pub tokens: Vec<u32>,
    /// The most tokens of a prompt and its answer.
    pub max_model_len: u32,
}

impl Server {
    /// The server at a base URL.
    pub fn new(url: &str, key: Option<Key>, idle: Option<Duration>, http: Client) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), key, idle, http }
    }

    /// The names of the models that it serves.
    pub async fn models(&self) -> Result<Vec<String>, Failure> {
        let text = self.text(self.request(Method::GET, "models")).await?;
        let models: Models = serde_json::from_str(&text)
            .map_err(|reason| Failure::malformed("a list of models", &text, &reason))?;
        Ok(models.data.into_iter().map(|model| model.id).collect())
    }

    /// Posts a body and returns the answer's text.
    pub async fn post(&self, path: &str, body: &Value) -> Result<String, Failure> {
        self.text(self.request(Method::POST, path).json(body)).await
    }

    /// The answer to a request of `path`: a chat or a completion, whose conversation `messages` are.
    pub async fn answer(
        &self,
        path: &str,
        body: &impl Serialize,
        messages: &[Message],
    ) -> Result<Completion, Failure> {
        let sent = self.send(self.request(Method::POST, path).json(body));
        let response = self.in_time(sent).await??;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let mut collected = Collected::default();
        if kind.is_some_and(|kind| kind.starts_with(EVENTS)) {
            self.collect(response, &mut collected).await?;
        } else {
            let text = response.text().await.map_err(Failure::connection)?;
            collected.add(parse(&text)?)?;
        }
        collected.finish(messages)
    }

    /// The tokens of a conversation, as the model's chat template writes it: vLLM's `/tokenize`, which is no part of OpenAI's
    /// API and stands beside its base URL.
    pub async fn tokenize(&self, body: &impl Serialize) -> Result<Tokenized, Failure> {
        let base = self.url.strip_suffix("/v1").unwrap_or(&self.url);
        let request = self.with_headers(self.http.post(format!("{base}/tokenize")).json(body));
        let text = self.in_time(self.text(request)).await??;
        serde_json::from_str(&text).map_err(|reason| Failure::malformed("a list of tokens", &text, &reason))
    }

    /// Takes in a streamed answer, to its end or to that of the connection.
    async fn collect(&self, response: Response, collected: &mut Collected) -> Result<(), Failure> {
        let mut events = response.bytes_stream().eventsource();
        while let Some(event) = self.in_time(events.next()).await? {
            let event = match event {
                Ok(event) => event,
                Err(EventStreamError::Transport(error)) => return Err(Failure::connection(error)),
                Err(error) => return Err(Failure::passing(&format!("the answer broke off: {error}"))),
            };
            if event.data == DONE {
                break;
            }
            collected.add(parse(&event.data)?)?;
        }
        Ok(())
    }

    /// Waits for the next sign of the server, for as long as it may be silent.
    async fn in_time<T>(&self, next: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(idle) = self.idle else { return Ok(next.await) };
        let silent = |_| Failure::passing(&format!("it was silent for {} s", idle.as_secs_f64()));
        timeout(idle, next).await.map_err(silent)
    }

    async fn text(&self, request: RequestBuilder) -> Result<String, Failure> {
        self.send(request).await?.text().await.map_err(Failure::connection)
    }

    /// The response to a request, if its status is one of success.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(Failure::connection)?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(Failure::status(response).await),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.with_headers(self.http.request(method, format!("{}/{path}", self.url)))
    }

    /// Adds the key, and the caller's trace.
    fn with_headers(&self, request: RequestBuilder) -> RequestBuilder {
        let mut trace = HeaderMap::new();
        client::add_trace_context(&mut trace);
        let request = request.headers(trace);
        // A key that can't be sent was refused when it was read.
        match self.key.as_ref().and_then(|key| key.header().ok()) {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }

    /// A failure of this server, as the model's error.
    pub fn error(&self, failure: Failure) -> Error {
        let url = self.url.clone();
        let problem = match &self.key {
            Some(key) => key.removed_from(&failure.problem),
            None => failure.problem,
        };
        match failure.kind {
            Kind::Passing => Error::Unreachable { url, problem },
            Kind::Overflow => Error::ContextOverflow { problem },
            Kind::Refused => Error::Refused { url, problem },
            Kind::Unusable => Error::Unusable { advice: self.advice(failure.status), url, problem },
        }
    }

    /// What to do about a status that no other request will change.
    fn advice(&self, status: Option<StatusCode>) -> String {
        match (status.map_or(0, |status| status.as_u16()), &self.key) {
            (401 | 403, Some(key)) => format!("check the key in {}", key.variable()),
            (401 | 403, None) => {
                "the server wants an API key: name the environment variable that holds it in `llm.api_key_env`".to_owned()
            }
            (402, _) => "the account has no credit left".to_owned(),
            _ => "check `llm.model`, and `llm.url`: the base URL of most servers ends with /v1".to_owned(),
        }
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn parse(text: &str) -> Result<Answer, Failure> {
    serde_json::from_str(text).map_err(|reason| Failure::malformed("a completion", text, &reason))
}

/// The HTTP client that all servers of a model share.
///
/// # Errors
/// [`Error::Http`] if the system's certificates can't be read.
pub fn http() -> Result<Client, Error> {
    // It fails if there is one, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(format!("runtime-gym-agent/{}", version::VERSION))
        .connect_timeout(CONNECT)
        .build()
        .map_err(|error| Error::Http { problem: Failure::connection(error).problem })
}
