//! Errors in OpenAI's shape.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::generate;
use crate::serve::Error;

/// The status and the body of an error.
pub fn body(error: &Error) -> (StatusCode, Value) {
    use generate::Error as Refusal;
    let (status, kind, param) = match error {
        Error::Field { field, .. } => (StatusCode::BAD_REQUEST, "BadRequestError", Some(field.as_str())),
        Error::Prompt(_) => (StatusCode::BAD_REQUEST, "BadRequestError", Some("messages")),
        Error::Generate(Refusal::Field { field, .. }) => {
            let param = if *field == "logprobs" { "top_logprobs" } else { field };
            (StatusCode::BAD_REQUEST, "BadRequestError", Some(param))
        }
        Error::Generate(Refusal::Overflow { .. }) => {
            (StatusCode::BAD_REQUEST, "BadRequestError", Some("input_tokens"))
        }
        Error::Generate(Refusal::UnknownAdapter { .. }) => {
            (StatusCode::NOT_FOUND, "NotFoundError", Some("model"))
        }
        Error::Generate(Refusal::Full { .. } | Refusal::Stopped) => {
            (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", None)
        }
        Error::Generate(Refusal::AdapterExists { .. } | Refusal::Adapter(_)) | Error::Internal(_) => {
            tracing::error!("{error}");
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", None)
        }
    };
    let mut message = error.to_string();
    if let Error::Generate(Refusal::Overflow { prompt, .. }) = error {
        message.push_str(&format!(" (parameter=input_tokens, value={prompt})"));
    }
    (status, object(status, kind, message, param))
}

/// A refusal that no type of error stands for.
pub fn refusal(status: StatusCode, kind: &str, message: String) -> (StatusCode, Json<Value>) {
    (status, Json(object(status, kind, message, None)))
}

fn object(status: StatusCode, kind: &str, message: String, param: Option<&str>) -> Value {
    json!({ "error": { "message": message, "type": kind, "param": param, "code": status.as_u16() } })
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, body) = body(&self);
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
