//! What a failed call says.

use std::time::Duration;

use tonic::Status;
use tonic_types::StatusExt as _;

/// How long the server asks a client to wait before the next attempt (`google.rpc.RetryInfo`), if it does.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// The machine-readable reason of a failed call (`google.rpc.ErrorInfo`), if the server gave one.
pub fn reason(status: &Status) -> Option<String> {
    Some(status.get_details_error_info()?.reason)
}

/// A failed call in one line for a person: code, message, and the request
/// fields at fault where the server named them.
pub fn explain(status: &Status) -> String {
    let mut line = format!("{:?}: {}", status.code(), status.message());
    for violation in status.get_details_bad_request().into_iter().flat_map(|bad| bad.field_violations) {
        if !status.message().contains(&violation.field) {
            line.push_str(&format!(" [{}: {}]", violation.field, violation.description));
        }
    }
    line
}
