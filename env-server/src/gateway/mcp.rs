//! The Model Context Protocol: each session has an episode, or an interpreter.
//!
//! | file          | what it holds                                               |
//! |---------------|-------------------------------------------------------------|
//! | `handler`     | a session: what it offers, and calls of its tools           |
//! | `tools`       | what tools are, and what they answer                        |
//! | `episodes`    | the tools of an episode                                     |
//! | `interpreter` | the tool of an interpreter without a task                   |
//! | `stdio`       | one session over standard input and output                  |
//!
//! Sessions over HTTP are those of the protocol's versions before 2026-07-28, which has none: clients of that version fall back
//! to them.

mod episodes;
mod handler;
mod interpreter;
pub mod stdio;
mod tools;

use std::sync::Arc;

use axum::Router;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};

use super::Shared;
use episodes::Episodes;
use handler::Handler;

/// The longest request, in bytes: the longest code of a step is 8 MiB.
const MAX_REQUEST_BYTES: usize = 12 << 20;

/// The routes.
pub(super) fn routes(shared: Shared) -> Router {
    let Shared { calls, ending, .. } = shared;
    let mut sessions = LocalSessionManager::default();
    // A session that nobody uses lives as long as an episode does.
    sessions.session_config.keep_alive = Some(calls.default_lease());
    let config = StreamableHttpServerConfig::default()
        .with_cancellation_token(ending)
        .with_max_request_body_bytes(MAX_REQUEST_BYTES)
        // Web pages are refused before.
        .disable_allowed_hosts();
    let session = move || Ok(Handler::new(Episodes::over_http(calls.clone())));
    let service = StreamableHttpService::new(session, Arc::new(sessions), config);
    Router::new().route_service("/mcp/{state}/{tasks}", service)
}
