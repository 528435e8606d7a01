//! Errors as gRPC statuses, with details that clients can act on.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::Error;
use crate::generate;

/// The domain of this service's error reasons (`google.rpc.ErrorInfo`).
const DOMAIN: &str = "runtime-gym";
/// The retry delay of requests that a full queue refuses.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// The longest text of a status, in bytes. It is sent in a header, and clients refuse large headers.
const MAX_TEXT_BYTES: usize = 1000;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        use generate::Error as Refusal;
        let message = cut(error.to_string());
        let mut details = ErrorDetails::new();
        let (code, reason) = match error {
            Error::Field { field, problem } => {
                details.add_bad_request_violation(field, cut(problem));
                (Code::InvalidArgument, "INVALID_FIELD")
            }
            Error::Generate(Refusal::Field { field, problem }) => {
                let field = match field {
                    "temperature" | "top_p" => format!("sampling.{field}"),
                    _ => field.to_owned(),
                };
                details.add_bad_request_violation(field, cut(problem));
                (Code::InvalidArgument, "INVALID_FIELD")
            }
            Error::Generate(Refusal::Overflow { .. }) => {
                details.add_bad_request_violation("prompt", message.clone());
                (Code::InvalidArgument, "CONTEXT_OVERFLOW")
            }
            Error::Generate(Refusal::UnknownAdapter { .. }) => (Code::NotFound, "UNKNOWN_ADAPTER"),
            Error::Generate(Refusal::AdapterExists { .. }) => (Code::AlreadyExists, "ADAPTER_EXISTS"),
            Error::Generate(Refusal::Adapter(_)) => {
                details.add_bad_request_violation("path", message.clone());
                (Code::InvalidArgument, "INVALID_ADAPTER")
            }
            Error::Generate(Refusal::Full { .. }) => {
                details.set_retry_info(Some(RETRY_AFTER));
                (Code::ResourceExhausted, "QUEUE_FULL")
            }
            Error::Generate(Refusal::Stopped) => (Code::Unavailable, "SHUTTING_DOWN"),
            Error::Prompt(_) => {
                details.add_bad_request_violation("prompt", message.clone());
                (Code::InvalidArgument, "INVALID_PROMPT")
            }
            Error::Internal(_) => {
                tracing::error!("{message}");
                (Code::Internal, "INTERNAL")
            }
        };
        details.set_error_info(reason, DOMAIN, HashMap::new());
        Status::with_error_details(code, message, details)
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push_str(" ...");
    }
    text
}
