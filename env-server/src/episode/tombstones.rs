//! The closed episodes of a server that are remembered: in its store, or in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sandbox::{Budget, Share};

use super::encoding::{decode, encode};
use super::store::Store;
use super::tombstone::Tombstone;
use crate::error::Error;

/// How long a closed episode is remembered.
pub const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// The most closed episodes that are remembered; the oldest are forgotten first.
pub const MOST: usize = 1_000_000;

/// How many are forgotten at once where their memory is needed.
const PORTION: usize = 1000;
/// What one takes in memory beside its texts.
const TOMBSTONE_BYTES: usize = 200;

/// The closed episodes of a server: in its store, or in memory if it has none.
pub struct Tombstones {
    store: Option<Arc<Store>>,
    memory: Mutex<Memory>,
}

/// An episode's tenant and id.
type Name = (Arc<str>, Arc<str>);

struct Memory {
    by_id: HashMap<Name, Box<[u8]>>,
    /// When each was closed, its tenant and its id; the oldest first.
    ages: VecDeque<(Instant, Arc<str>, Arc<str>)>,
    share: Share,
}

impl Tombstones {
    /// Those of a server that has this store, or none. In memory they count for the budget.
    pub fn new(store: Option<Arc<Store>>, budget: &Budget) -> Self {
        let memory = Memory { by_id: HashMap::new(), ages: VecDeque::new(), share: budget.hold(0) };
        Self { store, memory: Mutex::new(memory) }
    }

    /// Remembers a closed episode, unless the store does.
    pub fn add(&self, tenant: &str, id: &str, tombstone: &Tombstone) {
        if self.store.is_none() {
            self.memory().add(tenant.into(), id.into(), encode(tombstone).into(), Instant::now());
        }
    }

    /// A tenant's closed episode.
    ///
    /// # Errors
    /// The store's.
    pub fn find(&self, tenant: &str, id: &str) -> Result<Option<Tombstone>, Error> {
        match &self.store {
            Some(store) => store.closed(tenant, id),
            None => {
                let memory = self.memory();
                memory.by_id.get(&(tenant.into(), id.into())).map(|bytes| decode(bytes)).transpose()
            }
        }
    }

    /// Forgets those that were closed long enough ago.
    pub fn sweep(&self, now: Instant) {
        match &self.store {
            Some(store) => store.forget_closed(RETENTION, MOST as u64),
            None => self.memory().sweep(now),
        }
    }

    /// Forgets some of the oldest, of those in memory. Returns whether there were any.
    pub fn free_some(&self) -> bool {
        self.memory().forget(PORTION) > 0
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn add(&mut self, tenant: Arc<str>, id: Arc<str>, tombstone: Box<[u8]>, now: Instant) {
        let bytes = self.share.bytes() + bytes_of(&tenant, &id, &tombstone);
        self.by_id.insert((tenant.clone(), id.clone()), tombstone);
        self.ages.push_back((now, tenant, id));
        self.share.set(bytes);
        self.forget(self.ages.len().saturating_sub(MOST));
    }

    fn sweep(&mut self, now: Instant) {
        let is_old =
            |(at, ..): &(Instant, Arc<str>, Arc<str>)| now.saturating_duration_since(*at) > RETENTION;
        let old = self.ages.iter().take_while(|tombstone| is_old(tombstone)).count();
        self.forget(old);
    }

    /// Forgets this many of the oldest; returns how many there were.
    fn forget(&mut self, count: usize) -> usize {
        let mut bytes = self.share.bytes();
        let forgotten = self.ages.drain(..count.min(self.ages.len())).map(|(_, tenant, id)| {
            let freed = self.by_id.remove(&(tenant.clone(), id.clone()));
            bytes -= freed.map_or(0, |tombstone| bytes_of(&tenant, &id, &tombstone));
        });
        let forgotten = forgotten.count();
        self.share.set(bytes);
        forgotten
    }
}

fn bytes_of(tenant: &str, id: &str, tombstone: &[u8]) -> usize {
    TOMBSTONE_BYTES + tenant.len() + id.len() + tombstone.len()
}

#[cfg(test)]
mod tests {
    use proto::run::Evaluation;
    use serde_json::json;

    use super::*;
    use crate::episode::end::{End, EndReason};

    fn tombstone(steps: u64) -> Tombstone {
        let metrics = [("value".to_owned(), json!(0.1 + 0.2))].into_iter().collect();
        let evaluation = Evaluation { is_solved: false, score: 0.1 + 0.2, metrics };
        let end = End { reason: EndReason::Closed, evaluation };
        Tombstone { request_digest: "digest".to_owned(), end, steps }
    }

    #[test]
    fn they_are_found_by_tenant_and_id_until_they_are_old() {
        let (budget, now) = (Budget::new(1 << 20), Instant::now());
        let tombstones = Tombstones::new(None, &budget);
        tombstones.add("red", "a", &tombstone(1));
        tombstones.add("blue", "a", &tombstone(2));
        assert_eq!(tombstones.find("red", "a").unwrap(), Some(tombstone(1)));
        assert_eq!(tombstones.find("blue", "a").unwrap(), Some(tombstone(2)));
        assert_eq!(tombstones.find("red", "b").unwrap(), None);
        assert!(budget.used() > 400, "{budget:?}");
        tombstones.sweep(now + RETENTION);
        assert!(tombstones.find("red", "a").unwrap().is_some());
        tombstones.sweep(now + RETENTION + Duration::from_secs(60));
        assert_eq!(tombstones.find("red", "a").unwrap(), None);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_oldest_give_their_memory_back_first() {
        let budget = Budget::new(1 << 30);
        let tombstones = Tombstones::new(None, &budget);
        for id in 0..PORTION + 1 {
            tombstones.add("red", &id.to_string(), &tombstone(1));
        }
        assert!(tombstones.free_some());
        assert_eq!(tombstones.find("red", "0").unwrap(), None);
        assert!(tombstones.find("red", &PORTION.to_string()).unwrap().is_some());
        assert!(tombstones.free_some() && !tombstones.free_some());
        assert_eq!(budget.used(), 0);
    }
}
