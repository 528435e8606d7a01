//! The part of OpenAI's protocol that agents use, in the shape of vLLM's answers.
//!
//! | file         | what it holds                                                     |
//! |--------------|-------------------------------------------------------------------|
//! | `handlers`   | the endpoints                                                     |
//! | `request`    | what requests for answers have in common                          |
//! | `chat`       | `/v1/chat/completions`: the request                               |
//! | `answer`     | `/v1/chat/completions`: the answer, whole or in chunks            |
//! | `completion` | `/v1/completions`: request and answer                             |
//! | `stream`     | answers as server-sent events                                     |
//! | `tokenize`   | `/tokenize`, `/detokenize`                                        |
//! | `adapters`   | `/v1/load_lora_adapter`, `/v1/unload_lora_adapter`                |
//! | `error`      | errors in OpenAI's shape                                          |
//!
//! Unknown keys are ignored, as in vLLM. Known keys that would change the answer but are not supported are
//! refused by name.

mod adapters;
mod answer;
mod chat;
mod completion;
mod error;
mod handlers;
mod request;
mod stream;
mod tokenize;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::Serving;

/// The longest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 16 << 20;

/// A status and a body in OpenAI's shape.
type Refusal = (StatusCode, Json<Value>);

/// What is served over HTTP besides the answers.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether adapters can be loaded and unloaded: their files are on the server's disk.
    pub adapters: bool,
    /// The origins whose pages a browser lets call the server (CORS); `*`: all.
    pub origins: Vec<HeaderValue>,
}

/// Adds the HTTP endpoints to the router of the gRPC services.
pub fn extend(grpc: Router, serving: Arc<Serving>, options: &Options) -> Router {
    let mut http = Router::new()
        .route("/health", get(|| async {}))
        .route("/v1/models", get(handlers::models))
        .route("/v1/models/{*id}", get(handlers::model))
        .route("/v1/chat/completions", post(handlers::chat))
        .route("/v1/completions", post(handlers::completions))
        .route("/tokenize", post(handlers::tokenize))
        .route("/detokenize", post(handlers::detokenize));
    if options.adapters {
        http = http
            .route("/v1/load_lora_adapter", post(handlers::load_adapter))
            .route("/v1/unload_lora_adapter", post(handlers::unload_adapter));
    }
    http = http.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).method_not_allowed_fallback(|| async {
        (StatusCode::METHOD_NOT_ALLOWED, Json(json!({ "detail": "Method Not Allowed" })))
    });
    if !options.origins.is_empty() {
        http = http.layer(cors(&options.origins));
    }
    grpc.merge(http.with_state(serving)).fallback(not_found)
}

/// Answers what browsers ask before they let a page of one of these origins call the server.
fn cors(origins: &[HeaderValue]) -> CorsLayer {
    let allowed = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(origins.to_vec()),
    };
    CorsLayer::new().allow_origin(allowed).allow_methods(Any).allow_headers(Any)
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
