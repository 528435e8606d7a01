//! What is remembered of a closed episode, so that no request takes effect twice.

use serde::{Deserialize, Serialize};

use super::end::{Closed, End};

/// A closed episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The digest of the request that created it.
    pub request_digest: String,
    /// How it ended.
    pub end: End,
    /// The steps that were taken.
    pub steps: u64,
}

impl Tombstone {
    /// That of an episode which the request with this digest created.
    pub fn of(request_digest: &str, closed: &Closed) -> Self {
        Self { request_digest: request_digest.to_owned(), end: closed.end.clone(), steps: closed.steps }
    }
}

impl From<Tombstone> for Closed {
    fn from(Tombstone { end, steps, .. }: Tombstone) -> Self {
        Self { end, steps, newly: false }
    }
}
