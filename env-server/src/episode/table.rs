//! The episodes of a server by id: open ones, and closed ones for a while.

use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lifecycle::Caller;

use super::end::Closed;
use super::episode::Episode;

/// How long a closed episode is shown. Its end is remembered for longer: see [`Tombstones`](super::tombstones::Tombstones).
const CLOSED_RETENTION: Duration = Duration::from_secs(60);
/// The most closed episodes that are shown; the oldest are forgotten first.
const MAX_CLOSED: usize = 10_000;

/// Episodes by id.
#[derive(Default)]
pub struct Table {
    /// Those of one id belong to different tenants. Almost always it is one.
    by_id: HashMap<String, Vec<Arc<Episode>>>,
    count: usize,
    /// When episodes were closed; the oldest first.
    closed: VecDeque<(Instant, Arc<Episode>)>,
    /// Those that have ended and may not be closed yet; the oldest first.
    ended: VecDeque<Arc<Episode>>,
}

impl Table {
    /// The number of episodes.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The number of episodes that are not closed.
    pub fn open(&self) -> usize {
        self.count - self.closed.len()
    }

    /// The episode with this id that the caller may act in; of several, the caller's own.
    pub fn find(&self, caller: &Caller, id: &str) -> Option<&Arc<Episode>> {
        let others = || self.by_id.get(id)?.iter().find(|episode| caller.may_act_for(episode.tenant()));
        self.find_of(&caller.tenant, id).or_else(others)
    }

    /// A tenant's episode with this id.
    pub fn find_of(&self, tenant: &str, id: &str) -> Option<&Arc<Episode>> {
        self.by_id.get(id)?.iter().find(|episode| episode.tenant() == tenant)
    }

    /// Every episode, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Episode>> {
        self.by_id.values().flatten()
    }

    /// Adds an episode, unless its tenant has one with its id. Returns the episode with that id.
    pub fn add(&mut self, episode: Arc<Episode>) -> &Arc<Episode> {
        let namesakes = self.by_id.entry(episode.id().to_owned()).or_default();
        match namesakes.iter().position(|namesake| namesake.tenant() == episode.tenant()) {
            Some(present) => &namesakes[present],
            None => {
                self.count += 1;
                namesakes.push(episode);
                &namesakes[namesakes.len() - 1]
            }
        }
    }

    /// Forgets an episode that has not been noted as closed.
    pub fn remove(&mut self, episode: &Arc<Episode>) {
        let Entry::Occupied(mut namesakes) = self.by_id.entry(episode.id().to_owned()) else { return };
        let before = namesakes.get().len();
        namesakes.get_mut().retain(|namesake| !Arc::ptr_eq(namesake, episode));
        self.count -= before - namesakes.get().len();
        if namesakes.get().is_empty() {
            namesakes.remove();
        }
    }

    /// Notes that an episode has ended by a step.
    pub fn note_ended(&mut self, episode: Arc<Episode>) {
        self.ended.push_back(episode);
    }

    /// Closes the episode that ended first of those that wait to be closed; returns it, and its end.
    pub fn close_one_ended(&mut self) -> Option<(Arc<Episode>, Closed)> {
        while let Some(episode) = self.ended.pop_front() {
            if let Some(closed) = episode.close_if_ended() {
                self.note_closed(episode.clone());
                return Some((episode, closed));
            }
        }
        None
    }

    /// Notes that an episode was closed. Must be called once for each.
    pub fn note_closed(&mut self, episode: Arc<Episode>) {
        self.closed.push_back((Instant::now(), episode));
        if self.closed.len() > MAX_CLOSED {
            self.forget_oldest_closed();
        }
    }

    /// Forgets the episodes that were closed long enough ago.
    pub fn forget_closed(&mut self, now: Instant) {
        while self.closed.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > CLOSED_RETENTION)
        {
            self.forget_oldest_closed();
        }
    }

    /// Forgets the episode that was closed first. Returns whether there was one.
    pub fn forget_oldest_closed(&mut self) -> bool {
        let Some((_, oldest)) = self.closed.pop_front() else { return false };
        self.remove(&oldest);
        true
    }

    /// Forgets which episodes have ended, of those that were closed since.
    pub fn forget_ended(&mut self) {
        self.ended.retain(|episode| !episode.is_closed());
    }
}
