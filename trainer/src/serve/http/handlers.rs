//! The endpoints.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use axum::response::sse::KeepAlive;
use axum::response::{IntoResponse as _, Json, Response};
use serde_json::{Value, json};

use super::answer::Envelope;
use super::request::Chat;
use super::stream;
use crate::generate;
use crate::serve::{Error, Result, Serving};

/// `GET /v1/models`: the base model and the adapters, each listed as a model.
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
    let generation = serving.engine.generate(request).map_err(|error| match error {
        // Over HTTP, the base model has a name, too.
        generate::Error::UnknownAdapter { name, mut known } => {
            known.insert(0, serving.model.name.clone());
            generate::Error::UnknownAdapter { name, known }
        }
        error => error,
    })?;
    if chat.streams() {
        let events = stream::events(serving, envelope, generation);
        let sse = axum::response::Sse::new(events).keep_alive(KeepAlive::default());
        return Ok(sse.into_response());
    }
    // If the caller hangs up, this future is dropped, which ends the generation.
    let answer = generation.whole().await?;
    Ok(Json(envelope.whole(&serving, &answer)).into_response())
}

/// The bytes of a body whose content type is JSON.
async fn body(request: Request) -> Result<Bytes> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(Error::field("body", "must be sent as `Content-Type: application/json`"));
    }
    Bytes::from_request(request, &()).await.map_err(|error| Error::field("body", error.body_text()))
}
