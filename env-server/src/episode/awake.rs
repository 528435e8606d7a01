//! Whose interpreters are awake: only so many, the least recently used sleep.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::episode::Episode;

/// The episodes whose interpreters hold places, in the order of their last steps.
pub struct Awake {
    most: usize,
    next: AtomicU64,
    by_use: Mutex<BTreeMap<u64, Weak<Episode>>>,
}

/// When an episode was last used; 0 while its interpreter is not awake.
#[derive(Default)]
pub struct LastUse(AtomicU64);

impl Awake {
    /// Nobody yet, and at most so many.
    pub fn new(most: usize) -> Self {
        Self { most, next: AtomicU64::new(1), by_use: Mutex::default() }
    }

    /// How many are awake.
    pub fn count(&self) -> usize {
        self.by_use().len()
    }

    /// Notes that an episode was used now and its interpreter is awake, and puts to sleep whoever is too many.
    pub fn used(&self, episode: &Arc<Episode>) {
        self.note(episode);
        loop {
            let oldest = {
                let mut by_use = self.by_use();
                if by_use.len() <= self.most {
                    return;
                }
                by_use.pop_first()
            };
            // Not while others wait: packing an interpreter takes a moment.
            let Some(oldest) = oldest.and_then(|(_, oldest)| oldest.upgrade()) else { continue };
            if !oldest.hibernate() {
                // It is in use, after all; whoever uses it comes by here.
                return self.note(&oldest);
            }
        }
    }

    fn note(&self, episode: &Arc<Episode>) {
        let now = self.next.fetch_add(1, Ordering::Relaxed);
        let mut by_use = self.by_use();
        by_use.remove(&episode.last_use().0.swap(now, Ordering::Relaxed));
        by_use.insert(now, Arc::downgrade(episode));
    }

    /// Notes that an episode's interpreter is not awake any more.
    pub fn gone(&self, last: &LastUse) {
        self.by_use().remove(&last.0.swap(0, Ordering::Relaxed));
    }

    fn by_use(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Episode>>> {
        self.by_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
