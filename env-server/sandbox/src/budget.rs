//! The memory that everything in a process may take together, in bytes.
//!
//! Whoever takes memory that others ask for takes a [`Share`] of the budget first, and gives it back by dropping it. What has
//! no share is measured: [`Budget::measure`] is told what the process takes in all. If there is no room, what can be done
//! without is freed ([`Budget::reclaim_with`]); if that is not enough, the share is refused. A part of the budget is kept from
//! large shares, so that whoever needs little finds room beside those that take all they can get.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Large shares leave a part of the budget to small ones: the budget divided by this number.
const SPARED: usize = 8;

/// A budget. Clones are the same budget.
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

struct Shared {
    limit: usize,
    /// All shares.
    shares: AtomicUsize,
    /// What the process was last seen to take beyond all shares.
    beyond: AtomicUsize,
    reclaim: OnceLock<Box<Reclaim>>,
}

/// Frees something. Returns whether there was something to free.
type Reclaim = dyn Fn() -> bool + Send + Sync;

/// A part of a budget.
pub struct Share {
    budget: Budget,
    bytes: usize,
}

/// The budget has no room, and nothing more can be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the memory budget of {limit} bytes is used up")]
pub struct NoMemory {
    /// The budget.
    pub limit: usize,
}

impl Default for Budget {
    /// Without a limit.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Budget({} of {})", self.used(), self.limit())
    }
}

impl Budget {
    /// A budget of this many bytes.
    pub fn new(limit: usize) -> Self {
        let (shares, beyond) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { shared: Arc::new(Shared { limit, shares, beyond, reclaim: OnceLock::new() }) }
    }

    /// Sets what frees memory when there is no room: called again and again, until it returns false. It may drop shares, but
    /// takes none. Only the first call of this function has an effect.
    pub fn reclaim_with(&self, reclaim: impl Fn() -> bool + Send + Sync + 'static) {
        // A second one is not needed: a budget belongs to one server.
        let _ = self.shared.reclaim.set(Box::new(reclaim));
    }

    /// The bytes that it consists of.
    pub fn limit(&self) -> usize {
        self.shared.limit
    }

    /// The bytes in use: all shares, and what was measured beyond them.
    pub fn used(&self) -> usize {
        self.shares().saturating_add(self.shared.beyond.load(Ordering::Relaxed))
    }

    fn shares(&self) -> usize {
        self.shared.shares.load(Ordering::Relaxed)
    }

    /// Takes a share. Frees memory if there is no room.
    ///
    /// # Errors
    /// There is no room.
    pub fn take(&self, bytes: usize) -> Result<Share, NoMemory> {
        let mut share = self.hold(0);
        share.grow(bytes)?;
        Ok(share)
    }

    /// Takes a share that leaves the part of small ones free. Frees memory if there is no room.
    ///
    /// # Errors
    /// There is no room.
    pub fn take_large(&self, bytes: usize) -> Result<Share, NoMemory> {
        let mut share = self.hold(0);
        share.grow_large(bytes)?;
        Ok(share)
    }

    /// A share for what is in memory already, even if there is no room.
    pub fn hold(&self, bytes: usize) -> Share {
        self.shared.shares.fetch_add(bytes, Ordering::Relaxed);
        Share { budget: self.clone(), bytes }
    }

    /// Notes how much memory the process takes in all, and frees some while that is too much.
    pub fn measure(&self, bytes: usize) {
        self.shared.beyond.store(bytes.saturating_sub(self.shares()), Ordering::Relaxed);
        while self.used() > self.limit() && self.reclaim() {}
    }

    fn reclaim(&self) -> bool {
        self.shared.reclaim.get().is_some_and(|reclaim| reclaim())
    }

    /// Adds to the shares if they and what was measured beyond them stay within `limit`. Frees memory if there is no room.
    fn add(&self, bytes: usize, limit: usize) -> Result<(), NoMemory> {
        while !self.try_add(bytes, limit) {
            if !self.reclaim() {
                return Err(NoMemory { limit: self.limit() });
            }
        }
        Ok(())
    }

    fn try_add(&self, bytes: usize, limit: usize) -> bool {
        let most = limit.saturating_sub(self.shared.beyond.load(Ordering::Relaxed));
        let add = |shares: usize| shares.checked_add(bytes).filter(|shares| *shares <= most);
        self.shared.shares.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }
}

impl Share {
    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// An empty share of the same budget.
    pub fn empty(&self) -> Share {
        self.budget.hold(0)
    }

    /// Adds to it. Frees memory if there is no room.
    ///
    /// # Errors
    /// There is no room; the share is as before.
    pub fn grow(&mut self, bytes: usize) -> Result<(), NoMemory> {
        self.budget.add(bytes, self.budget.limit())?;
        self.bytes += bytes;
        Ok(())
    }

    /// Adds to it, and leaves the part of small shares free. Frees memory if there is no room.
    ///
    /// # Errors
    /// There is no room; the share is as before.
    pub fn grow_large(&mut self, bytes: usize) -> Result<(), NoMemory> {
        let limit = self.budget.limit();
        self.budget.add(bytes, limit - limit / SPARED)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Sets it to what is in memory, even if there is no room for that.
    pub fn set(&mut self, bytes: usize) {
        *self = self.budget.hold(bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.shared.shares.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn shares_are_refused_beyond_the_limit_and_given_back() {
        let budget = Budget::new(100);
        let mut share = budget.take(60).unwrap();
        assert_eq!(budget.take(41).map(|_| ()), Err(NoMemory { limit: 100 }));
        assert_eq!((share.grow(41), share.bytes()), (Err(NoMemory { limit: 100 }), 60));
        share.grow(40).unwrap();
        share.set(10);
        assert_eq!(budget.used(), 10);
        let held = budget.hold(95);
        assert_eq!(budget.used(), 105);
        drop((share, held));
        assert_eq!(budget.used(), 0);
        assert_eq!(Budget::default().take(usize::MAX).unwrap().bytes(), usize::MAX);
    }

    #[test]
    fn large_shares_leave_room_for_small_ones() {
        let budget = Budget::new(80);
        let mut large = budget.take_large(70).unwrap();
        assert!(large.grow_large(1).is_err() && budget.take_large(1).is_err());
        assert!(budget.take(11).is_err() && budget.take(10).is_ok());
    }

    #[test]
    fn what_has_no_share_counts_too() {
        let budget = Budget::new(100);
        let share = budget.take(30).unwrap();
        budget.measure(80);
        assert_eq!(budget.used(), 80);
        assert!(budget.take(21).is_err() && budget.take(20).is_ok());
        budget.measure(10);
        assert_eq!(budget.used(), share.bytes());
    }

    #[test]
    fn memory_is_freed_until_there_is_room() {
        let budget = Budget::new(100);
        let kept = Mutex::new((0..4).map(|_| budget.take(25).unwrap()).collect::<Vec<_>>());
        budget.reclaim_with(move || kept.lock().unwrap().pop().is_some());
        let share = budget.take(40).unwrap();
        assert_eq!(budget.used(), 90, "two were freed");
        assert!(budget.take(61).is_err());
        assert_eq!(budget.used(), share.bytes(), "all were");
    }
}
