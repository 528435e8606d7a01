//! Requests whose bodies do not come.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::timeout::TimeoutBody;

use crate::connect::Gateway;

/// How long a client may send nothing of a request's body.
const STALL_LIMIT: Duration = Duration::from_secs(30);

/// Ends the body of a request with an error when nothing more of it comes in time. A stream of requests may pause for as long
/// as it likes.
pub async fn give_up(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    if gateway.takes_stream(request.uri().path()) {
        return next.run(request).await;
    }
    next.run(request.map(|body| Body::new(TimeoutBody::new(STALL_LIMIT, body)))).await
}
