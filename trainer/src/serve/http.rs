//! OpenAI's chat protocol, as far as agents use it, in the shape that vLLM gives it.
//!
//! Unknown keys are ignored, as vLLM does; known ones that would change the answer and are not supported are refused
//! by name.

mod answer;
mod error;
mod handlers;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::Serving;

/// Longest body of a request.
const MAX_BODY_BYTES: usize = 16 << 20;

/// Adds the HTTP endpoints to the gRPC ones.
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

/// What either protocol says of a path that is not there.
async fn not_found(headers: HeaderMap) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match kind {
        Some(kind) if kind.starts_with("application/grpc") => {
            tonic::Status::unimplemented("there is no such call").into_http::<axum::body::Body>()
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({ "detail": "Not Found" }))).into_response(),
    }
}
