//! A tiny HTTP server that answers as a test says, and keeps what it was sent.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use futures::StreamExt as _;
use serde_json::{Value, json};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers.
    Whole { status: u16, headers: Vec<(String, String)>, body: String },
    /// Sends a part of an answer, and then nothing more.
    Stalls(String),
    /// Sends a part of an answer, and breaks the connection.
    Breaks(String),
    /// Never answers.
    Silent,
}

impl Reply {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::Whole { status, headers, body: body.to_string() }
    }

    /// A streamed answer that says `text`.
    pub fn says(text: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
        Self::Whole { status: 200, headers, body: events(text) + "data: [DONE]\n\n" }
    }

    /// The answer of a recording in `tests/fixtures/vllm`.
    pub fn recorded(response: &Value) -> Self {
        let headers = response["headers"].as_array().unwrap();
        let header =
            |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
        let body = match (response.get("json"), response.get("events")) {
            (Some(json), _) => json.to_string(),
            (_, Some(events)) => events.as_str().unwrap().to_owned(),
            _ => response["text"].as_str().unwrap().to_owned(),
        };
        let status = response["status"].as_u64().unwrap() as u16;
        Self::Whole { status, headers: headers.iter().map(header).collect(), body }
    }
}

/// The chunks of an answer, up to its last.
pub fn events(text: &str) -> String {
    let chunk = |delta: Value, end: Value| {
        format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": end }] }))
    };
    let parts = text.split_inclusive(' ').map(|part| chunk(json!({ "content": part }), Value::Null));
    parts.collect::<String>() + &chunk(json!({}), json!("stop"))
}

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct Got {
    pub method: Method,
    pub path: String,
    pub authorization: Option<String>,
    pub body: Value,
}

type Answers = Arc<dyn Fn(&Got, usize) -> Reply + Send + Sync>;

/// A running server.
pub struct Http {
    /// The base URL.
    pub url: String,
    /// What it was sent.
    pub got: Arc<Mutex<Vec<Got>>>,
}

impl Http {
    /// Serves until the test's runtime ends; `answer` gets each request and the number of those before it with its path.
    pub async fn start(answer: impl Fn(&Got, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let answers: Answers = Arc::new(answer);
        let app = axum::Router::new().fallback(handle).with_state((answers, got.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, got }
    }

    /// Requests with a path.
    pub fn got(&self, path: &str) -> Vec<Got> {
        self.got.lock().unwrap().iter().filter(|got| got.path == path).cloned().collect()
    }
}

async fn handle(
    State((answers, got)): State<(Answers, Arc<Mutex<Vec<Got>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Got {
        method,
        path: uri.path().to_owned(),
        authorization: headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let reply = {
        let mut got = got.lock().unwrap();
        let before = got.iter().filter(|before: &&Got| before.path == request.path).count();
        let reply = answers(&request, before);
        got.push(request);
        reply
    };
    let streamed =
        |parts| Response::builder().header("content-type", "text/event-stream").body(parts).unwrap();
    match reply {
        Reply::Whole { status, headers, body } => {
            let response =
                headers.iter().fold(Response::builder().status(status), |response, (name, value)| {
                    response.header(name, value)
                });
            response.body(Body::from(body)).unwrap()
        }
        Reply::Stalls(part) => {
            let part = futures::stream::once(async { Ok::<_, Infallible>(part) });
            streamed(Body::from_stream(part.chain(futures::stream::pending())))
        }
        Reply::Breaks(part) => {
            let parts = [Ok(part), Err(std::io::Error::other("broken"))];
            // The first part has to be on its way before the connection breaks.
            streamed(Body::from_stream(futures::stream::iter(parts).then(async |part| {
                tokio::time::sleep(Duration::from_millis(20)).await;
                part
            })))
        }
        Reply::Silent => std::future::pending().await,
    }
}
