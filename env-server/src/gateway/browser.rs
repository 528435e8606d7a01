//! Requests of web pages are refused: any page that a user of this machine opens could make them, to an address that other
//! machines do not reach. Browsers name the page in `Origin`; other clients do not send it.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::ORIGIN;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

const REFUSAL: &str = "this server does not answer web pages: the request has an Origin header\n";

/// Refuses what a browser sends for a page.
pub async fn refuse(request: Request, next: Next) -> Response {
    if request.headers().contains_key(ORIGIN) {
        return (StatusCode::FORBIDDEN, REFUSAL).into_response();
    }
    next.run(request).await
}
