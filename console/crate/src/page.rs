//! A file of the page as an answer.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// The file of this name (see [`file`](crate::file)), or 404; 304 if the browser that sends these headers has it.
pub fn page(name: &str, asked: &HeaderMap) -> Response {
    let Some(file) = crate::file(name) else {
        return (StatusCode::NOT_FOUND, "there is nothing of this name\n").into_response();
    };
    let etag = file.etag();
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let headers = [(header::CACHE_CONTROL, "no-cache".to_owned()), (header::ETAG, etag)];
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, file.content_type)], file.bytes).into_response()
}
