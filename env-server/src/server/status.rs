//! Errors as gRPC statuses, with the details that a client can act on.

use std::collections::HashMap;
use std::time::Duration;

use proto::env::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::error::Error;

/// The domain of this service's error reasons (`google.rpc.ErrorInfo`).
const DOMAIN: &str = "runtime-gym";
/// How long a client should wait when the server is full.
const RETRY_AFTER: Duration = Duration::from_millis(200);

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = cut(error.to_string());
        let mut details = ErrorDetails::new();
        let (code, reason) = match error {
            Error::Invalid(violation) => {
                details.add_bad_request_violation(violation.field, cut(violation.description));
                (Code::InvalidArgument, "INVALID_FIELD")
            }
            Error::UnknownEpisode { .. } => (Code::NotFound, "UNKNOWN_EPISODE"),
            Error::UnknownTask(_) => (Code::NotFound, "UNKNOWN_TASK"),
            Error::EpisodeExists { .. } => (Code::AlreadyExists, "EPISODE_EXISTS"),
            Error::StepConflict { .. } => (Code::FailedPrecondition, "STEP_CONFLICT"),
            Error::StepForgotten { .. } => (Code::FailedPrecondition, "STEP_FORGOTTEN"),
            Error::StepGap { .. } => (Code::FailedPrecondition, "STEP_GAP"),
            Error::Ended { .. } => (Code::FailedPrecondition, "EPISODE_ENDED"),
            Error::Stopped => (Code::DeadlineExceeded, "STEP_STOPPED"),
            Error::AnswerLeftOut => (Code::ResourceExhausted, "ANSWER_LEFT_OUT"),
            Error::Forbidden(_) => (Code::PermissionDenied, "OPERATOR_ONLY"),
            Error::Full { .. } => {
                details.set_retry_info(Some(RETRY_AFTER));
                (Code::ResourceExhausted, "SERVER_FULL")
            }
            Error::ShuttingDown => {
                details.set_retry_info(Some(RETRY_AFTER));
                (Code::Unavailable, "SHUTTING_DOWN")
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

/// A failed call among several.
pub fn call_error(status: &Status) -> v1::CallError {
    let violation = status.get_details_bad_request().and_then(|bad| bad.field_violations.into_iter().next());
    v1::CallError {
        code: status.code().into(),
        message: status.message().to_owned(),
        field: violation.map(|violation| violation.field).unwrap_or_default(),
        reason: status.get_details_error_info().map(|info| info.reason).unwrap_or_default(),
    }
}

/// The longest text of a status, in bytes. It is sent in a header, and clients refuse large headers.
const MAX_TEXT_BYTES: usize = 1000;

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Violation;

    #[test]
    fn a_violation_names_its_field() {
        let status = Status::from(Error::from(Violation::new("lease", "is too long")));
        assert_eq!(status.code(), Code::InvalidArgument);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "lease");
        assert_eq!(status.get_details_error_info().unwrap().reason, "INVALID_FIELD");
    }

    #[test]
    fn a_full_server_says_when_to_retry() {
        let status = Status::from(Error::Full { limit: 3 });
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(RETRY_AFTER));
    }
}
