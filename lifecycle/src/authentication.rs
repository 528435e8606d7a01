//! Who makes a call, found out before its body is read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;

use crate::caller::Caller;
use crate::tokens::Tokens;
use crate::traffic::Traffic;
use crate::{connect, probes};

/// What an authorization header begins with.
const SCHEME: &str = "bearer ";
/// Who calls a server: whose tokens it accepts, and where refusals are counted.
pub struct Guard {
    /// `None` takes everybody.
    pub tokens: Option<Arc<Tokens>>,
    /// Counts the calls that are refused.
    pub traffic: Arc<Traffic>,
    /// Which paths need no token beside the probes.
    pub open: fn(&str) -> bool,
}

/// Adds the [`Caller`] to the request. Without a token that is accepted, the call ends with UNAUTHENTICATED. A server
/// without tokens takes everybody for the same caller.
pub async fn identify(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let caller = match &guard.tokens {
        None => Caller::default(),
        Some(_) if probes::is_probe(path) || (guard.open)(path) => Caller::default(),
        Some(tokens) => match authenticate(tokens, request.headers()) {
            Ok(caller) => caller,
            Err(problem) => {
                guard.traffic.unauthenticated.add();
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
