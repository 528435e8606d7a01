//! What a refused call says.

use tonic::Status;
use tonic_types::StatusExt as _;

/// The reason in its details; empty if there is none.
pub fn reason(status: &Status) -> String {
    client::reason(status).unwrap_or_default()
}

/// The field that is wrong, or the fields one after the other; empty if there is none.
pub fn field(status: &Status) -> String {
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}
