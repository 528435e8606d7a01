//! Episodes behind other protocols, on the server's port. Each gateway is a client of [`Service`] in this process, so that
//! tokens, quotas, limits, leases and metrics hold for its clients as for all others.
//!
//! | file      | what it holds                                            |
//! |-----------|----------------------------------------------------------|
//! | `place`   | what a URL names: a regime, and tasks                    |
//! | `tasks`   | the tasks that a name stands for, and which one is next  |
//! | `browser` | requests of web pages are refused                        |
//! | `client`  | calls of the service, for one caller                     |
//! | `player`  | an episode that is played for a client, and then closed  |
//! | `json`    | messages as JSON                                         |
//! | `openenv` | OpenEnv's protocol                                     |
//! | `mcp`     | the Model Context Protocol                               |

mod browser;
mod client;
mod json;
pub mod mcp;
mod openenv;
mod place;
mod player;
mod tasks;

use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use clap::ValueEnum;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::episode::Registry;
use crate::server::Service;
use client::Calls;
use place::Places;

/// How long sessions may take to end with the server.
const END_LIMIT: Duration = Duration::from_secs(1);

/// A protocol beside gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gateway {
    /// OpenEnv: `/openenv/STATE/TASKS`.
    #[value(name = "openenv")]
    OpenEnv,
    /// The Model Context Protocol: `/mcp/STATE/TASKS`.
    Mcp,
}

/// The gateways of a server.
pub struct Gateways {
    which: Vec<Gateway>,
    shared: Shared,
}

/// What the sessions of all gateways share. Clones are cheap.
#[derive(Clone)]
struct Shared {
    calls: Calls,
    /// Cancelled when the server ends.
    ending: CancellationToken,
    /// The sessions that are open.
    sessions: TaskTracker,
}

impl Gateways {
    /// These gateways to a service.
    pub fn new(which: Vec<Gateway>, service: Service, registry: Arc<Registry>) -> Self {
        let ending = CancellationToken::new();
        let calls = Calls::new(service, registry, ending.clone());
        Self { which, shared: Shared { calls, ending, sessions: TaskTracker::new() } }
    }

    /// Their routes; `None` if there are no gateways.
    pub fn routes(&self) -> Option<Router> {
        if self.which.is_empty() {
            return None;
        }
        let places = Arc::new(Places::new(self.shared.calls.clone()));
        let mut routes = Router::new();
        for (gateway, add) in
            [(Gateway::OpenEnv, openenv::routes as fn(Shared) -> Router), (Gateway::Mcp, mcp::routes)]
        {
            if self.which.contains(&gateway) {
                routes = routes.merge(add(self.shared.clone()));
            }
        }
        let routes = routes.route_layer(middleware::from_fn_with_state(places, place::find));
        Some(routes.layer(middleware::from_fn(browser::refuse)))
    }

    /// Lets sessions end: each after the step that it is taking. Their episodes are left as they are.
    pub fn end(&self) {
        self.shared.ending.cancel();
        self.shared.sessions.close();
    }

    /// Waits for a while until all sessions have ended.
    pub async fn ended(&self) {
        let _ = timeout(END_LIMIT, self.shared.sessions.wait()).await;
    }
}
