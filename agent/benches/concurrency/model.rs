//! The model's server: OpenAI's chat completions, each after a fixed time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::load::{LATENCY, TURNS};

/// What the model says at a turn, and at the last.
const LOOK: &str = "I list the items again, and then I look at what each of them is worth.\n\n```python\nids = \
                    json.loads(list_items())\nprint(len(ids), ids[:3])\n```";
const FINISH: &str = "I have seen enough, so I end the task here.\n\n```python\nfinish()\n```";

/// The running server.
pub struct Model {
    /// Its base URL.
    pub url: String,
    kept: Arc<Kept>,
}

/// How long answers took, by the conversation's seed and the turn.
pub type Latencies = HashMap<(u64, usize), Duration>;

struct Kept {
    latencies: Mutex<Latencies>,
    look: Answer,
    finish: Answer,
}

/// An answer in both forms.
struct Answer {
    whole: Bytes,
    events: Bytes,
}

impl Model {
    /// Serves until the runtime ends.
    pub async fn start() -> Self {
        let kept = Arc::new(Kept { latencies: Mutex::default(), look: answer(LOOK), finish: answer(FINISH) });
        let app = Router::new()
            .route(
                "/v1/models",
                get(async || json!({ "object": "list", "data": [{ "id": "model" }] }).to_string()),
            )
            .route("/v1/chat/completions", post(chat))
            .with_state(kept.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, kept }
    }

    /// How long the answers took since the last call of this function, from a request's head to the answer's.
    pub fn take_latencies(&self) -> Latencies {
        std::mem::take(&mut self.kept.latencies.lock().unwrap())
    }
}

#[derive(Deserialize)]
struct Asked {
    seed: u64,
    #[serde(default)]
    stream: bool,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
}

async fn chat(State(kept): State<Arc<Kept>>, request: Request) -> Response {
    let begun = Instant::now();
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let asked: Asked = serde_json::from_slice(&body).unwrap();
    let turn = asked.messages.iter().filter(|message| message.role == "assistant").count();
    let answer = if turn + 1 < TURNS { &kept.look } else { &kept.finish };
    sleep_until(begun + LATENCY).await;
    let (kind, body) = match asked.stream {
        true => ("text/event-stream", answer.events.clone()),
        false => ("application/json", answer.whole.clone()),
    };
    let before = kept.latencies.lock().unwrap().insert((asked.seed, turn), begun.elapsed());
    assert!(before.is_none(), "turn {turn} of {} was asked for twice", asked.seed);
    Response::builder().header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
}

/// A whole answer, and one with an event for each word, as a model server sends one for each token.
fn answer(text: &str) -> Answer {
    let usage = json!({ "prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940 });
    let object = |choices: Value, usage: &Value, kind: &str| {
        json!({
            "id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": "model", "choices": choices, "usage": usage,
        })
    };
    let message = json!({ "role": "assistant", "content": text });
    let whole = object(
        json!([{ "index": 0, "message": message, "finish_reason": "stop", "logprobs": null }]),
        &usage,
        "chat.completion",
    );
    let chunk = |delta: Value, end: Value| {
        let choices = json!([{ "index": 0, "delta": delta, "finish_reason": end, "logprobs": null }]);
        object(choices, &Value::Null, "chat.completion.chunk")
    };
    let words = text.split_inclusive(' ').map(|word| chunk(json!({ "content": word }), Value::Null));
    let end = [chunk(json!({}), json!("stop")), object(json!([]), &usage, "chat.completion.chunk")];
    let events: String = words.chain(end).map(|chunk| format!("data: {chunk}\n\n")).collect();
    Answer { whole: whole.to_string().into(), events: (events + "data: [DONE]\n\n").into() }
}
