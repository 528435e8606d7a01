//! One of several servers: who it is, how many places it has, and whether it rests.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::env::v1 as env;
use tokio::time::{Instant, timeout};
use tonic::Status;

use super::error::CallError;
use crate::environment::Environment;
use crate::rest::Rest;
use crate::retry::is_unreachable;

/// How old the number of free places may be.
const FRESH: Duration = Duration::from_secs(1);
/// How long a server may take to tell it.
const TELL_LIMIT: Duration = Duration::from_secs(2);

/// One of several servers. Its `Display` is its name and its URL.
#[derive(Debug)]
pub struct Server {
    url: String,
    /// Empty if it has none.
    name: String,
    environment: Environment,
    places: Mutex<Places>,
    /// Held by the call that asks for its places: others wait for the answer.
    asks: tokio::sync::Mutex<()>,
    /// After it could not be reached.
    rest: Rest,
}

/// What is known of a server's places.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// Free ones, when the server told.
    told: i64,
    told_at: Instant,
    /// Episodes that this client has sent there so far.
    sent: i64,
    /// How many of them are surely counted in `told`.
    counted: i64,
    /// How many of them have no answer yet.
    under_way: i64,
}

impl Places {
    fn free(&self) -> i64 {
        self.told - (self.sent - self.counted)
    }
}

/// A create that has no answer yet, until it is dropped.
pub struct UnderWay<'server>(&'server Server);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.places().under_way -= 1;
    }
}

impl Server {
    /// The server at `url`, which says this of itself.
    pub(super) fn new(url: String, environment: Environment, info: &env::GetServerInfoResponse) -> Self {
        let places = Places { told: free(info), told_at: Instant::now(), sent: 0, counted: 0, under_way: 0 };
        Self {
            url,
            name: info.server_name.clone(),
            environment,
            places: Mutex::new(places),
            asks: tokio::sync::Mutex::default(),
            rest: Rest::default(),
        }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name, with which the ids of its episodes begin; empty if it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its calls.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The id on this server of an episode for which the caller has chosen `id`.
    pub(super) fn full_id(&self, id: &str) -> String {
        if self.name.is_empty() || id.is_empty() { id.to_owned() } else { format!("{}.{id}", self.name) }
    }

    /// The free places, as far as this client knows; below 0 if it has sent more episodes there.
    pub(super) fn free_places(&self) -> i64 {
        self.places().free()
    }

    /// Notes that an episode is sent there.
    pub(super) fn send(&self) -> UnderWay<'_> {
        let mut places = self.places();
        places.sent += 1;
        places.under_way += 1;
        UnderWay(self)
    }

    /// Notes that it has refused an episode for want of room.
    pub(super) fn note_full(&self) {
        let mut places = self.places();
        *places = Places { told: 0, told_at: Instant::now(), counted: places.sent, ..*places };
    }

    /// Asks for the free places, if the number is old. A server that can't be reached rests.
    pub(super) async fn refresh(&self) {
        let is_fresh = || self.places().told_at.elapsed() < FRESH;
        if is_fresh() {
            return;
        }
        let _turn = self.asks.lock().await;
        if is_fresh() || self.rests() {
            return;
        }
        // Creates that are under way, or begin before the answer, may not be counted in it.
        let counted = {
            let places = self.places();
            places.sent - places.under_way
        };
        match timeout(TELL_LIMIT, self.environment.info_once()).await {
            Ok(Ok(info)) if info.server_name == self.name => {
                let mut places = self.places();
                *places = Places { told: free(&info), told_at: Instant::now(), counted, ..*places };
            }
            Ok(Ok(info)) => {
                let now = info.server_name;
                tracing::warn!(url = self.url, server = self.name, now, "another server answers at the URL");
                self.rest();
            }
            Ok(Err(status)) if !is_unreachable(&status) => self.places().told_at = Instant::now(),
            Ok(Err(_)) | Err(_) => self.rest(),
        }
    }

    /// Notes that it can't be reached: it gets no new episodes for a while, if another one can take them.
    pub(super) fn rest(&self) {
        if self.rest.begin() {
            tracing::warn!(
                url = self.url,
                server = self.name,
                "the server can't be reached and gets no new episodes for a while"
            );
        }
    }

    /// How long it rests from now on.
    pub(super) fn rest_left(&self) -> Duration {
        self.rest.left()
    }

    /// Whether it rests.
    pub(super) fn rests(&self) -> bool {
        !self.rest_left().is_zero()
    }

    /// The error of a call to it. A server that could not be reached rests.
    pub(super) fn failed(&self, status: Status) -> CallError {
        let error = CallError { server: self.to_string(), status: Box::new(status) };
        if error.is_unreachable() {
            self.rest();
        }
        error
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.name {
            "" => write!(formatter, "the server at {}", self.url),
            name => write!(formatter, "the server `{name}` at {}", self.url),
        }
    }
}

/// The free places that a server tells.
fn free(info: &env::GetServerInfoResponse) -> i64 {
    let most = info.server_limits.as_ref().map_or(0, |limits| limits.max_episodes);
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    number(most) - number(info.running_episodes)
}
