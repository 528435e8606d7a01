//! Which interpreters stay in memory between steps: at most a fixed number; the least recently used are hibernated.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Something whose interpreter can be hibernated.
pub trait Resident {
    /// When it was last used.
    fn last_use(&self) -> &LastUse;

    /// Hibernates its interpreter, unless it is in use. Returns whether it was not in use.
    fn hibernate(&self) -> bool;
}

/// The residents whose interpreters are in memory, in the order of their last use.
pub struct Residency<R> {
    most: usize,
    next: AtomicU64,
    by_use: Mutex<BTreeMap<u64, Weak<R>>>,
}

/// When a resident was last used, on a clock that counts uses; 0 while its interpreter is not in memory.
#[derive(Default)]
pub struct LastUse(AtomicU64);

impl<R: Resident> Residency<R> {
    /// An empty set that holds at most `most` residents.
    pub fn new(most: usize) -> Self {
        Self { most, next: AtomicU64::new(1), by_use: Mutex::default() }
    }

    /// How many interpreters are in memory.
    pub fn count(&self) -> usize {
        self.by_use().len()
    }

    /// Notes that a resident was used now and its interpreter is in memory. Hibernates the least recently used ones
    /// while there are too many.
    pub fn used(&self, resident: &Arc<R>) {
        self.note(resident);
        loop {
            let oldest = {
                let mut by_use = self.by_use();
                if by_use.len() <= self.most {
                    return;
                }
                by_use.pop_first()
            };
            // The lock is not held here: hibernating an interpreter takes a moment.
            let Some(oldest) = oldest.and_then(|(_, oldest)| oldest.upgrade()) else { continue };
            if !oldest.hibernate() {
                // It is in use after all. Whoever uses it calls this function afterwards.
                return self.note(&oldest);
            }
        }
    }

    /// Hibernates the least recently used one that is not in use. Returns whether there was one.
    pub fn evict(&self) -> bool {
        loop {
            let Some((_, oldest)) = self.by_use().pop_first() else { return false };
            // Whoever uses one that is in use notes it afterwards.
            if oldest.upgrade().is_some_and(|oldest| oldest.hibernate()) {
                return true;
            }
        }
    }

    fn note(&self, resident: &Arc<R>) {
        let now = self.next.fetch_add(1, Ordering::Relaxed);
        let mut by_use = self.by_use();
        by_use.remove(&resident.last_use().0.swap(now, Ordering::Relaxed));
        by_use.insert(now, Arc::downgrade(resident));
    }

    /// Notes that a resident's interpreter is no longer in memory.
    pub fn left(&self, resident: &R) {
        self.by_use().remove(&resident.last_use().0.swap(0, Ordering::Relaxed));
    }

    fn by_use(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<R>>> {
        self.by_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
