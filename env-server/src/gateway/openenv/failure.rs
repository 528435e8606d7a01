//! Why a message has no other answer, by OpenEnv's codes. It is never an observation: what goes wrong here is not the agent's
//! doing.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use tonic::{Code as GrpcCode, Status};
use tonic_types::StatusExt as _;

/// Why there is no other answer.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// What is wrong, in words.
    pub message: String,
    code: Code,
    /// The fields at fault, as pydantic would name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The reason, as the service names it, such as `EPISODE_ENDED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Seconds before the same message may be sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<f64>,
    #[serde(skip)]
    status: GrpcCode,
}

/// OpenEnv's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The message is not JSON.
    InvalidJson,
    /// No message has this type.
    UnknownType,
    /// A field is wrong.
    ValidationError,
    /// The step was not taken.
    ExecutionError,
    /// The server, or the tenant's quota, has no room.
    CapacityReached,
    /// No episode could be made.
    FactoryError,
    /// The session has no episode, or has lost it.
    SessionError,
}

#[derive(Debug, Serialize)]
struct FieldError {
    r#type: &'static str,
    loc: Vec<String>,
    msg: String,
}

impl Failure {
    /// A failure without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let status = match code {
            Code::InvalidJson | Code::UnknownType | Code::ValidationError => GrpcCode::InvalidArgument,
            Code::CapacityReached => GrpcCode::ResourceExhausted,
            Code::SessionError => GrpcCode::FailedPrecondition,
            Code::ExecutionError | Code::FactoryError => GrpcCode::Internal,
        };
        Self { message: message.into(), code, errors: Vec::new(), reason: None, retry_after: None, status }
    }

    /// A field that is wrong.
    pub fn field(path: &str, problem: impl Into<String>) -> Self {
        let msg = problem.into();
        let loc = path.split('.').filter(|part| !matches!(*part, "" | "?")).map(str::to_owned).collect();
        let message = if path.is_empty() { msg.clone() } else { format!("{path}: {msg}") };
        let errors = vec![FieldError { r#type: "value_error", loc, msg }];
        Self { errors, ..Self::new(Code::ValidationError, message) }
    }

    /// What the service says of a new episode.
    pub fn of_create(status: Status) -> Self {
        Self::of(status, Code::FactoryError)
    }

    /// What the service says of a step.
    pub fn of_step(status: Status) -> Self {
        Self::of(status, Code::ExecutionError)
    }

    fn of(status: Status, otherwise: Code) -> Self {
        if let Some(violation) =
            status.get_details_bad_request().and_then(|bad| bad.field_violations.into_iter().next())
        {
            return Self::field(&violation.field, violation.description);
        }
        let code = match status.code() {
            GrpcCode::InvalidArgument | GrpcCode::OutOfRange => Code::ValidationError,
            GrpcCode::ResourceExhausted => Code::CapacityReached,
            GrpcCode::NotFound | GrpcCode::Unavailable => Code::SessionError,
            _ => otherwise,
        };
        let wait = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
        Self {
            reason: status.get_details_error_info().map(|info| info.reason),
            retry_after: wait.as_ref().map(Duration::as_secs_f64),
            status: status.code(),
            ..Self::new(code, status.message())
        }
    }
}

/// The answer to a call over HTTP.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.status {
            GrpcCode::InvalidArgument | GrpcCode::OutOfRange => StatusCode::UNPROCESSABLE_ENTITY,
            GrpcCode::NotFound => StatusCode::NOT_FOUND,
            GrpcCode::AlreadyExists | GrpcCode::FailedPrecondition => StatusCode::CONFLICT,
            GrpcCode::PermissionDenied => StatusCode::FORBIDDEN,
            GrpcCode::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            GrpcCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            GrpcCode::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let wait = self.retry_after.map(|seconds| HeaderValue::from(seconds.ceil() as u64));
        let detail = if self.errors.is_empty() { json!(self.message) } else { json!(self.errors) };
        let mut response = (status, Json(json!({ "detail": detail }))).into_response();
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        response
    }
}
