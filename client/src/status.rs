//! What a failed call says.

use std::time::Duration;

use proto::env::v1 as env;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of the reasons that environment servers give.
const DOMAIN: &str = "runtime-gym";

/// How long the server asks a client to wait before the next attempt (`google.rpc.RetryInfo`), if it does.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// The machine-readable reason of a failed call (`google.rpc.ErrorInfo`), if the server gave one.
pub fn reason(status: &Status) -> Option<String> {
    Some(status.get_details_error_info()?.reason)
}

/// Why the episode of a failed call had ended, if that is why it failed.
pub fn end_reason(status: &Status) -> Option<env::EndReason> {
    env::EndReason::from_str_name(status.get_details_error_info()?.metadata.get("end_reason")?)
}

/// A failed call in one line for a person: code, message, and the faulty request fields, if the server named
/// any.
pub fn explain(status: &Status) -> String {
    let mut line = format!("{:?}: {}", status.code(), status.message());
    for violation in status.get_details_bad_request().into_iter().flat_map(|bad| bad.field_violations) {
        if !status.message().contains(&violation.field) {
            line.push_str(&format!(" [{}: {}]", violation.field, violation.description));
        }
    }
    line
}

/// The status of a step that failed among several.
pub fn status_of(error: env::CallError) -> Status {
    let code = Code::from_i32(error.code);
    let mut details = ErrorDetails::new();
    if !error.reason.is_empty() {
        details.set_error_info(error.reason, DOMAIN, []);
    }
    if !error.field.is_empty() {
        details.add_bad_request_violation(error.field, &*error.message);
    }
    if let Some(delay) = error.retry_delay {
        details.set_retry_info(delay.try_into().ok());
    }
    Status::with_error_details(code, error.message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_names_the_fields_that_its_message_does_not() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("limits.max_steps", "must be at most 1000");
        details.set_error_info("LIMIT", "runtime_gym", []);
        let status =
            Status::with_error_details(Code::InvalidArgument, "a limit is too high", details.clone());
        let expected = "InvalidArgument: a limit is too high [limits.max_steps: must be at most 1000]";
        assert_eq!(explain(&status), expected);
        assert_eq!(reason(&status).as_deref(), Some("LIMIT"));
        let named =
            Status::with_error_details(Code::InvalidArgument, "limits.max_steps is too high", details);
        assert_eq!(explain(&named), "InvalidArgument: limits.max_steps is too high");
        assert_eq!((reason(&Status::unavailable("")), retry_after(&Status::unavailable(""))), (None, None));
    }
}
