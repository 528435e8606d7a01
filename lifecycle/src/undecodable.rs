//! Requests that are not what their protobuf message says.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tonic::{Code, Status};

/// How prost's errors begin. tonic answers them with INTERNAL, which says that the server is at fault.
const UNDECODABLE: &str = "failed to decode Protobuf message";

/// Ends a call whose request can't be decoded (texts that are not UTF-8 among them) with INVALID_ARGUMENT.
pub async fn blame_caller(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match Status::from_header_map(response.headers()) {
        Some(status) if is_undecodable(&status) => undecodable(status).into_http(),
        _ => response,
    }
}

/// The same for what reading a stream of requests failed with.
pub fn undecodable(status: Status) -> Status {
    if is_undecodable(&status) { Status::invalid_argument(status.message()) } else { status }
}

fn is_undecodable(status: &Status) -> bool {
    status.code() == Code::Internal && status.message().starts_with(UNDECODABLE)
}
