//! The console: a page at `/console/` that shows the server's episodes as they run.
//!
//! The page's files hold no secrets and need no token. What the page shows comes from one stream, which is here, and from the
//! service's own calls in JSON.
//!
//! | file      | what it holds                                                      |
//! |-----------|--------------------------------------------------------------------|
//! | `allowed` | what a person may do                                               |
//! | `stream`  | what one page is told, and who may listen                          |
//! | `watch`   | what all of them are told: computed once, and only while one listens |
//! | `rows`    | the episodes, and which of them have changed                       |
//! | `numbers` | what the server counts, as it is now                               |

mod allowed;
mod numbers;
mod rows;
mod stream;
mod watch;

use std::sync::Arc;

use ::console::Names;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::get;
use axum::{Router, middleware};
use tokio_util::sync::CancellationToken;

use crate::episode::Registry;
use stream::Live;
use watch::Watch;

pub use allowed::ConsoleUse;

/// What the paths of the console begin with.
const BELOW: &str = "/console/";
/// What the paths of its data begin with.
const DATA: &str = "/console/api/";

/// The console of a server.
pub struct Console {
    allowed: ConsoleUse,
    has_tokens: bool,
    watch: Arc<Watch>,
    /// Cancelled when the server ends.
    ending: CancellationToken,
}

impl Console {
    /// A console over these episodes. `has_tokens`: only operators see them.
    pub fn new(allowed: ConsoleUse, registry: Arc<Registry>, has_tokens: bool) -> Self {
        Self { allowed, has_tokens, watch: Arc::new(Watch::new(registry)), ending: CancellationToken::new() }
    }

    /// What its pages are told.
    pub fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    /// Its routes; `None` if there is no console, or the program was built without the page.
    pub fn routes(&self) -> Option<Router> {
        if self.allowed == ConsoleUse::Off || ::console::file("").is_none() {
            return None;
        }
        let live = Live {
            watch: self.watch.clone(),
            allowed: self.allowed,
            has_tokens: self.has_tokens,
            ending: self.ending.clone(),
        };
        let names = if self.has_tokens { Names::All } else { Names::HereAndAddresses };
        let routes = Router::new()
            .route("/console", get(|| async { Redirect::permanent("console/") }))
            .route("/console/", get(|headers: HeaderMap| async move { ::console::page("", &headers) }))
            .route(
                "/console/{name}",
                get(|Path(name): Path<String>, headers: HeaderMap| async move {
                    ::console::page(&name, &headers)
                }),
            )
            .route("/console/api/live", get(stream::open))
            .with_state(live);
        Some(routes.layer(middleware::from_fn_with_state(names, ::console::guard)))
    }

    /// Ends the streams: the server ends.
    pub fn end(&self) {
        self.ending.cancel();
    }
}

/// Whether a path is the page's, which needs no token: a browser that goes to an address has none to send.
pub fn is_of_page(path: &str) -> bool {
    path == BELOW.trim_end_matches('/') || (path.starts_with(BELOW) && !path.starts_with(DATA))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_no_token_and_its_data_does() {
        for path in ["/console", "/console/", "/console/index.js"] {
            assert!(is_of_page(path), "{path}");
        }
        for path in ["/", "/consoles", "/console/api/live", "/console/api/", "/metrics"] {
            assert!(!is_of_page(path), "{path}");
        }
    }
}
