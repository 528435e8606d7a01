//! The endpoints.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse as _, Json, Response};
use futures::stream::{Stream, StreamExt as _, iter, unfold};
use serde_json::{Value, json};

use super::answer::Envelope;
use super::error;
use super::request::Chat;
use crate::generate::{self, Answering, Event};
use crate::serve::{Error, Result, Serving};

/// `GET /v1/models`: the base model and the adapters, each a model of its own.
pub async fn models(State(serving): State<Arc<Serving>>) -> Json<Value> {
    let model = |id: &str, root: String, parent: Option<&str>| {
        json!({
            "id": id,
            "object": "model",
            "created": 0,
            "owned_by": "trainer",
            "root": root,
            "parent": parent,
            "max_model_len": serving.engine.context_length(),
        })
    };
    let base = &serving.model;
    let mut data = vec![model(&base.name, base.path.display().to_string(), None)];
    for adapter in serving.engine.adapters() {
        data.push(model(&adapter.name, adapter.path.display().to_string(), Some(&base.name)));
    }
    Json(json!({ "object": "list", "data": data }))
}

/// `POST /v1/chat/completions`.
pub async fn chat(State(serving): State<Arc<Serving>>, request: Request) -> Result<Response> {
    let chat = Chat::parse(&body(request).await?)?;
    let request = tokio::task::block_in_place(|| chat.request(&serving))?;
    let envelope = Envelope::new(&chat, &request.tokens);
    let answering = serving.engine.generate(request).map_err(|error| match error {
        // Here the base is one of the names.
        generate::Error::UnknownAdapter { name, mut known } => {
            known.insert(0, serving.model.name.clone());
            generate::Error::UnknownAdapter { name, known }
        }
        error => error,
    })?;
    if chat.streams() {
        let events = stream(serving, envelope, answering);
        let sse = axum::response::Sse::new(events).keep_alive(KeepAlive::default());
        return Ok(sse.into_response());
    }
    // Dropped with this call, and then the generation ends.
    let answer = answering.whole().await?;
    Ok(Json(envelope.whole(&serving, &answer)).into_response())
}

/// The bytes of a body that says it is JSON.
async fn body(request: Request) -> Result<Bytes> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(Error::field("body", "must be sent as `Content-Type: application/json`"));
    }
    Bytes::from_request(request, &()).await.map_err(|error| Error::field("body", error.body_text()))
}

/// An answer as server-sent events, `[DONE]` at its end.
fn stream(
    serving: Arc<Serving>,
    envelope: Envelope,
    answering: Answering,
) -> impl Stream<Item = std::result::Result<Sse, Infallible>> {
    let first = envelope.first();
    let parts = unfold(Some((serving, envelope, answering)), |state| async {
        let (serving, envelope, mut answering) = state?;
        Some(match answering.next().await {
            Ok(Event::Piece(piece)) => {
                let part: Vec<_> = envelope.piece(&serving, &piece).into_iter().collect();
                (part, Some((serving, envelope, answering)))
            }
            Ok(Event::End(answer)) => (envelope.last(&serving, &answer), None),
            Err(problem) => (vec![error::body(&Error::from(problem)).1], None),
        })
    });
    let data = iter([first]).chain(parts.flat_map(iter)).map(|value| value.to_string());
    data.chain(iter(["[DONE]".to_owned()])).map(|text| Ok(Sse::default().data(text)))
}
