//! The endpoints.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse as _, Json, Response};
use serde_json::{Value, json};

use super::answer::Envelope;
use super::chat::Chat;
use super::completion::Completion;
use super::error::refusal;
use super::{Refusal, adapters, stream, tokenize};
use crate::generate::{self, Generation};
use crate::serve::{Error, Result, Serving};

/// `GET /v1/models`: the base model and the adapters, each listed as a model.
pub async fn models(State(serving): State<Arc<Serving>>) -> Json<Value> {
    Json(json!({ "object": "list", "data": all_models(&serving) }))
}

/// `GET /v1/models/ID`: one of them.
pub async fn model(
    State(serving): State<Arc<Serving>>,
    Path(id): Path<String>,
) -> std::result::Result<Json<Value>, Refusal> {
    let found = all_models(&serving).into_iter().find(|model| model["id"] == id.as_str());
    let missing = || format!("The model `{id}` does not exist.");
    found.map(Json).ok_or_else(|| refusal(StatusCode::NOT_FOUND, "NotFoundError", missing()))
}

fn all_models(serving: &Serving) -> Vec<Value> {
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
    data
}

/// `POST /v1/chat/completions`.
pub async fn chat(State(serving): State<Arc<Serving>>, request: Request) -> Result<Response> {
    let chat = Chat::parse(&body(request).await?)?;
    let request = tokio::task::block_in_place(|| chat.request(&serving))?;
    let envelope = Envelope::new(&chat.common, &request.tokens);
    let generation = submit(&serving, request)?;
    if chat.common.streams() {
        let events = stream::chat(serving, envelope, generation);
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    // If the caller hangs up, this future is dropped, which ends the generation.
    let answer = generation.whole().await?;
    Ok(Json(envelope.whole(&serving, &answer)).into_response())
}

/// `POST /v1/completions`.
pub async fn completions(State(serving): State<Arc<Serving>>, request: Request) -> Result<Response> {
    let completion = Completion::parse(&body(request).await?)?;
    let requests = tokio::task::block_in_place(|| completion.requests(&serving))?;
    let mut generations = vec![];
    for request in requests {
        let prompt = request.tokens.clone();
        generations.push((prompt, submit(&serving, request)?));
    }
    if completion.common.streams() {
        let events = stream::completion(serving, completion, generations);
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    let mut answers = vec![];
    for (prompt, generation) in generations {
        answers.push((prompt, generation.whole().await?));
    }
    Ok(Json(completion.whole(&serving, &answers)).into_response())
}

/// `POST /tokenize`.
pub async fn tokenize(State(serving): State<Arc<Serving>>, request: Request) -> Result<Json<Value>> {
    let body = body(request).await?;
    tokio::task::block_in_place(|| tokenize::tokenize(&serving, &body)).map(Json)
}

/// `POST /detokenize`.
pub async fn detokenize(State(serving): State<Arc<Serving>>, request: Request) -> Result<Json<Value>> {
    tokenize::detokenize(&serving, &body(request).await?).map(Json)
}

/// `POST /v1/load_lora_adapter`.
pub async fn load_adapter(State(serving): State<Arc<Serving>>, request: Request) -> Result<Response> {
    let body = body(request).await?;
    Ok(tokio::task::block_in_place(|| adapters::load(&serving, &body))?.into_response())
}

/// `POST /v1/unload_lora_adapter`.
pub async fn unload_adapter(State(serving): State<Arc<Serving>>, request: Request) -> Result<Response> {
    Ok(adapters::unload(&serving, &body(request).await?)?.into_response())
}

fn submit(serving: &Serving, request: generate::Request) -> Result<Generation> {
    serving.engine.generate(request).map_err(|error| match error {
        // Over HTTP, the base model has a name, too.
        generate::Error::UnknownAdapter { name, mut known } => {
            known.insert(0, serving.model.name.clone());
            generate::Error::UnknownAdapter { name, known }.into()
        }
        error => Error::from(error),
    })
}

/// The bytes of a body whose content type is JSON.
async fn body(request: Request) -> Result<Bytes> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Err(Error::field("body", "must be sent as `Content-Type: application/json`"));
    }
    Bytes::from_request(request, &()).await.map_err(|error| Error::field("body", error.body_text()))
}
