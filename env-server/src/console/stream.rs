//! The stream of one page: server-sent events, whose data are JSON.
//!
//! `whole` is everything as it is now, and `change` what has changed since. A page that reads too slowly misses changes, and is told
//! everything again: nothing waits for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _, stream};
use lifecycle::Caller;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::allowed::ConsoleUse;
use super::watch::{Change, Watch};

/// How long a stream lasts. A page opens the next one at once; by then its token may have been withdrawn.
const LASTS: Duration = Duration::from_secs(600);

/// What the streams share. Clones are cheap.
#[derive(Clone)]
pub struct Live {
    /// What all pages are told.
    pub watch: Arc<Watch>,
    /// What a person may do.
    pub allowed: ConsoleUse,
    /// Whether only operators may listen.
    pub has_tokens: bool,
    /// Cancelled when the server ends.
    pub ending: CancellationToken,
}

/// Opens a stream.
pub async fn open(State(live): State<Live>, Extension(caller): Extension<Caller>) -> Response {
    if live.has_tokens && !caller.is_operator() {
        let words = "the console needs an operator's token: `env-server token --role operator` makes one\n";
        return (StatusCode::FORBIDDEN, words).into_response();
    }
    if live.watch.is_crowded() {
        let words = "too many consoles are open; close one, and try again\n";
        return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
    }
    let ending = live.ending.clone();
    let events = events(live, caller.is_operator())
        .take_until(ending.cancelled_owned())
        .take_until(Box::pin(tokio::time::sleep(LASTS)));
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

fn events(live: Live, is_operator: bool) -> impl Stream<Item = Result<Event, Infallible>> {
    let allowed = json!({ "write": live.allowed == ConsoleUse::Write, "private": is_operator });
    stream::unfold((live, None::<Receiver<Change>>), move |(live, listening)| {
        let allowed = allowed.clone();
        async move {
            if let Some(mut receiver) = listening {
                match receiver.recv().await {
                    Ok(change) => {
                        let event = Event::default().event("change").data(&*change);
                        return Some((Ok(event), (live, Some(receiver))));
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
            let (whole, receiver) = live.watch.listen(allowed).await?;
            Some((Ok(Event::default().event("whole").data(whole)), (live, Some(receiver))))
        }
    })
}
