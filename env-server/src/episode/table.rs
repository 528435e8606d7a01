//! The episodes of a server by id: open ones, and closed ones for a while.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::episode::Episode;

/// How long a closed episode is remembered.
const CLOSED_RETENTION: Duration = Duration::from_secs(60);
/// The most closed episodes that are remembered; the oldest are forgotten first.
const MAX_CLOSED: usize = 10_000;

/// Episodes by id.
#[derive(Default)]
pub struct Table {
    by_id: HashMap<String, Arc<Episode>>,
    /// When episodes were closed, and their ids; the oldest first.
    closed: VecDeque<(Instant, String)>,
    /// Ids of episodes that have ended and may not be closed yet; the oldest first.
    ended: VecDeque<String>,
}

impl Table {
    /// The number of episodes.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The number of episodes that are not closed.
    pub fn open(&self) -> usize {
        self.by_id.len() - self.closed.len()
    }

    /// The episode with this id.
    pub fn find(&self, id: &str) -> Option<&Arc<Episode>> {
        self.by_id.get(id)
    }

    /// Every episode, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Episode>> {
        self.by_id.values()
    }

    /// Adds an episode, unless its id is taken. Returns the episode with that id.
    pub fn add(&mut self, episode: Arc<Episode>) -> &Arc<Episode> {
        self.by_id.entry(episode.id().to_owned()).or_insert(episode)
    }

    /// Forgets an episode that has not been noted as closed.
    pub fn remove(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// Notes that an episode has ended by a step.
    pub fn note_ended(&mut self, id: &str) {
        self.ended.push_back(id.to_owned());
    }

    /// Closes the episode that ended first of those that wait to be closed. Returns whether there was one.
    pub fn close_one_ended(&mut self) -> bool {
        while let Some(id) = self.ended.pop_front() {
            if self.by_id.get(&id).is_some_and(|episode| episode.close_if_ended()) {
                self.note_closed(&id);
                return true;
            }
        }
        false
    }

    /// Notes that an episode was closed. Must be called once for each.
    pub fn note_closed(&mut self, id: &str) {
        self.closed.push_back((Instant::now(), id.to_owned()));
        if self.closed.len() > MAX_CLOSED {
            self.forget_oldest();
        }
    }

    /// Forgets the episodes that were closed long enough ago.
    pub fn forget_closed(&mut self, now: Instant) {
        while self.closed.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > CLOSED_RETENTION)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.closed.pop_front() {
            self.by_id.remove(&id);
        }
    }

    /// Forgets which episodes have ended, of those that are gone.
    pub fn forget_ended(&mut self) {
        let by_id = &self.by_id;
        self.ended.retain(|id| by_id.get(id).is_some_and(|episode| !episode.is_closed()));
    }
}
