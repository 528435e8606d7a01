//! OpenEnv's protocol: each `/openenv/STATE/TASKS` is a whole server of it.
//!
//! | file       | what it holds                                                       |
//! |------------|---------------------------------------------------------------------|
//! | `request`  | what clients send: resets and actions                               |
//! | `reply`    | what they are told                                                  |
//! | `failure`  | why a message has no other answer, by OpenEnv's codes             |
//! | `socket`   | a client's WebSocket: messages, pings, whether the client is there |
//! | `session`  | the messages of one socket, and its episode                         |
//! | `single`   | calls over HTTP, each in an episode of its own                      |
//! | `describe` | what the server says of itself: metadata, schemas, paths            |
//! | `task_api` | tasks by number                                                     |
//! | `rpc`      | calls of tools by JSON-RPC, beside the actions                      |

mod describe;
mod failure;
mod reply;
mod request;
mod rpc;
mod session;
mod single;
mod socket;
mod task_api;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use lifecycle::Caller;

use super::Shared;
use super::place::Place;
use session::Session;
use socket::Socket;

/// The longest message, in bytes: the longest code of a step is 8 MiB.
const MAX_MESSAGE_BYTES: usize = 12 << 20;

/// The routes.
pub(super) fn routes(shared: Shared) -> Router {
    let server = Router::new()
        .route("/ws", any(open))
        .route("/reset", post(single::reset))
        .route("/step", post(single::step))
        .route("/state", get(single::state))
        .route("/mcp", post(single::mcp))
        .route("/health", get(describe::health))
        .route("/metadata", get(describe::metadata))
        .route("/schema", get(describe::schema))
        .route("/openapi.json", get(describe::openapi))
        .route("/list_environments", get(task_api::environments))
        .route("/{environment}/splits", get(task_api::splits))
        .route("/{environment}/num_tasks", post(task_api::count))
        .route("/{environment}/tasks", post(task_api::all))
        .route("/{environment}/task", post(task_api::one))
        .route("/{environment}/task_range", post(task_api::range))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .with_state(shared);
    Router::new().nest("/openenv/{state}/{tasks}", server)
}

/// Opens a session, which lasts as long as its socket.
async fn open(
    State(shared): State<Shared>,
    Extension(place): Extension<Place>,
    Extension(caller): Extension<Caller>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    upgrade.on_upgrade(async move |socket| {
        let session = Session::new(place, shared.calls.of(caller));
        shared.sessions.track_future(session.run(Socket::new(socket), &shared.ending)).await;
    })
}
