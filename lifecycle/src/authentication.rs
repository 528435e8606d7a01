//! Who makes a call, found out before its body is read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;

use crate::caller::Caller;
use crate::connect;
use crate::tokens::Tokens;

/// What an authorization header begins with.
const SCHEME: &str = "bearer ";
/// Health checks are open to everybody: who balances load has no token.
const OPEN: &str = "/grpc.health.v1.Health/";

/// Adds the [`Caller`] to the request. Without a token that is accepted, the call ends with UNAUTHENTICATED. A server
/// without tokens takes everybody for the same caller.
pub async fn identify(
    State(tokens): State<Option<Arc<Tokens>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match &tokens {
        None => Caller::default(),
        Some(_) if request.uri().path().starts_with(OPEN) => Caller::default(),
        Some(tokens) => match authenticate(tokens, request.headers()) {
            Ok(caller) => caller,
            Err(problem) => {
                let mut refusal = connect::refusal(request.headers(), Status::unauthenticated(problem));
                refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                return refusal;
            }
        },
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn authenticate(tokens: &Tokens, headers: &HeaderMap) -> Result<Caller, &'static str> {
    let header = headers.get(AUTHORIZATION).ok_or(
        "the call has no token: send the header `authorization: Bearer TOKEN` \
         (this project's programs do if RUNTIME_GYM_TOKEN is set)",
    )?;
    let header = header.as_bytes();
    match header.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) => {
            tokens.caller(token).ok_or("the server does not accept this token: ask its operator for another")
        }
        _ => Err("the authorization header is not `Bearer TOKEN`"),
    }
}
