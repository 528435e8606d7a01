//! A server's connections, and what is turned away before its service sees it, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds one.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a server's clients do.
#[derive(Debug)]
pub struct Traffic {
    most: usize,
    places: Arc<Semaphore>,
    /// Connections that were accepted.
    pub accepted: Count,
    /// Connections that were closed at once: too many were open.
    pub turned_away: Count,
    /// Handshakes of TLS that failed, or took too long.
    pub failed_handshakes: Count,
    /// Calls without a token that is accepted.
    pub unauthenticated: Count,
}

impl Traffic {
    /// Nobody yet, and at most so many connections at a time.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            places: Arc::new(Semaphore::new(most)),
            accepted: Count::default(),
            turned_away: Count::default(),
            failed_handshakes: Count::default(),
            unauthenticated: Count::default(),
        }
    }

    /// The most connections at a time.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.most.saturating_sub(self.places.available_permits())
    }

    /// A place for a connection that has come in; `None` if there is none left.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.places.clone().try_acquire_owned().ok();
        match &place {
            Some(_) => self.accepted.add(),
            None => self.turned_away.add(),
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_while_they_are_open_and_for_good() {
        let traffic = Traffic::new(1);
        let place = traffic.place().unwrap();
        assert!(traffic.place().is_none());
        assert_eq!((traffic.open(), traffic.accepted.get(), traffic.turned_away.get()), (1, 1, 1));
        drop(place);
        assert_eq!((traffic.open(), traffic.accepted.get()), (0, 1));
    }
}
