//! A status as Connect tells it: a JSON object, under HTTP's nearest status.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Map, Value, json};
use tonic::codegen::http::StatusCode;
use tonic::{Code, Status};

/// The answer to a call that failed. `details` knows the messages of details.
pub fn response(status: &Status, details: &DescriptorPool) -> Response {
    let (name, http) = name(status.code());
    let mut body =
        Map::from_iter([("code".to_owned(), json!(name)), ("message".to_owned(), json!(status.message()))]);
    // Details that can't be decoded are left out: the code and the message stand without them.
    let decoded = tonic_types::Status::decode(status.details()).unwrap_or_default().details;
    if !decoded.is_empty() {
        let decoded: Vec<Value> =
            decoded.iter().map(|any| detail(&any.type_url, &any.value, details)).collect();
        body.insert("details".to_owned(), decoded.into());
    }
    let http = StatusCode::from_u16(http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (http, Json(Value::Object(body))).into_response()
}

/// One detail: the name of its type, its bytes in base64, and, for people, what they say.
fn detail(type_url: &str, value: &[u8], details: &DescriptorPool) -> Value {
    let kind = type_url.rsplit('/').next().unwrap_or_default();
    let mut detail = json!({ "type": kind, "value": STANDARD_NO_PAD.encode(value) });
    let message = details.get_message_by_name(kind).and_then(|kind| DynamicMessage::decode(kind, value).ok());
    if let Some(debug) = message.and_then(|message| serde_json::to_value(&message).ok()) {
        detail["debug"] = debug;
    }
    detail
}

/// A code's name, and the status of HTTP that Connect pairs with it.
fn name(code: Code) -> (&'static str, u16) {
    match code {
        Code::Cancelled => ("canceled", 499),
        // An error has another code; this is no answer.
        Code::Ok | Code::Unknown => ("unknown", 500),
        Code::InvalidArgument => ("invalid_argument", 400),
        Code::DeadlineExceeded => ("deadline_exceeded", 504),
        Code::NotFound => ("not_found", 404),
        Code::AlreadyExists => ("already_exists", 409),
        Code::PermissionDenied => ("permission_denied", 403),
        Code::ResourceExhausted => ("resource_exhausted", 429),
        Code::FailedPrecondition => ("failed_precondition", 400),
        Code::Aborted => ("aborted", 409),
        Code::OutOfRange => ("out_of_range", 400),
        Code::Unimplemented => ("unimplemented", 501),
        Code::Internal => ("internal", 500),
        Code::Unavailable => ("unavailable", 503),
        Code::DataLoss => ("data_loss", 500),
        Code::Unauthenticated => ("unauthenticated", 401),
    }
}
