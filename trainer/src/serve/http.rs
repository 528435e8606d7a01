//! The part of OpenAI's chat protocol that agents use, in the shape of vLLM's answers.
//!
//! Unknown keys are ignored, as in vLLM. Known keys that would change the answer but are not supported are
//! refused by name.

mod answer;
mod error;
mod handlers;
mod request;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::Serving;

/// The longest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Adds the HTTP endpoints to the router of the gRPC services.
pub fn extend(grpc: Router, serving: Arc<Serving>) -> Router {
    let http = Router::new()
        .route("/health", get(|| async {}))
        .route("/v1/models", get(handlers::models))
        .route("/v1/chat/completions", post(handlers::chat))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, Json(json!({ "detail": "Method Not Allowed" })))
        })
        .with_state(serving);
    grpc.merge(http).fallback(not_found)
}

/// The answer to an unknown path, in the protocol of the request.
async fn not_found(headers: HeaderMap) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match kind {
        Some(kind) if kind.starts_with("application/grpc") => {
            tonic::Status::unimplemented("there is no such call").into_http::<axum::body::Body>()
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({ "detail": "Not Found" }))).into_response(),
    }
}
