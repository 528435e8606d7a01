//! One session over standard input and output, for clients that start their servers.

use std::sync::Arc;

use lifecycle::Caller;
use proto::interpreter_state::InterpreterState;
use rmcp::ServiceExt as _;
use rmcp::transport::stdio;
use sandbox::Interpreter;
use tokio_util::sync::CancellationToken;

use super::MAX_REQUEST_BYTES;
use super::episodes::Episodes;
use super::handler::Handler;
use super::interpreter::Alone;
use super::tools::Tools;
use crate::episode::Registry;
use crate::gateway::client::Calls;
use crate::gateway::place::Places;
use crate::server::{Bounds, Service};

/// Serves an interpreter without a task, until standard input ends.
///
/// # Errors
/// What went wrong with the session, in words.
pub async fn serve_interpreter(state: InterpreterState, interpreter: Interpreter) -> Result<(), String> {
    serve(Alone::new(state, interpreter)).await
}

/// Serves episodes of these tasks of the registry, until standard input ends.
///
/// # Errors
/// There are no such tasks; what went wrong with the session, in words.
pub async fn serve_episodes(
    registry: Arc<Registry>,
    state: InterpreterState,
    tasks: &str,
) -> Result<(), String> {
    let bounds = Bounds {
        request_bytes: MAX_REQUEST_BYTES,
        batch_steps: 1,
        connections: 1,
        memory_bytes: registry.sandbox().budget().limit(),
    };
    let service = Service::new(registry.clone(), bounds);
    let calls = Calls::new(service, registry, CancellationToken::new());
    let place = Places::new(calls.clone()).find(state.name(), tasks)?;
    serve(Episodes::of(calls, place, Caller::default())).await
}

async fn serve(tools: impl Tools) -> Result<(), String> {
    let session = Handler::new(tools).serve(stdio()).await.map_err(|error| error.to_string())?;
    session.waiting().await.map(drop).map_err(|error| error.to_string())
}
