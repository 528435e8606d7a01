//! The places of the pool: which are free, and what free ones keep in memory.
//!
//! A place that its instance has left keeps the pages that were written, overwritten with the pristine memory: the next
//! instance there finds them without a page fault. That is worth it for places that are used again soon. What the others
//! keep goes back to the system by [`Places::trim`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Places that are trimmed at a time, while no instance can be made.
const TRIMMED_AT_ONCE: usize = 64;

/// The places that instances have been in. Clones are the same places.
#[derive(Clone)]
pub struct Places(Arc<Shared>);

struct Shared {
    /// By the address of the place's memory. Places that keep nothing are left out.
    by_address: Mutex<HashMap<usize, Place>>,
    /// Read while an instance is made: until that is noted, its place seems to be free.
    making: RwLock<()>,
    /// The most memory of an instance.
    memory_bytes: usize,
}

struct Place {
    /// The engine gives a place to its next instance before the last one is noted as gone, so there may be two.
    instances: usize,
    free_since: Instant,
}

/// An instance's place. It must be dropped after the instance.
pub struct Occupied {
    places: Places,
    address: usize,
}

impl Places {
    /// Places for instances of at most this much memory.
    pub fn new(memory_bytes: usize) -> Places {
        let (by_address, making) = (Mutex::default(), RwLock::default());
        Places(Arc::new(Shared { by_address, making, memory_bytes }))
    }

    /// Makes an instance, and notes where its memory is.
    pub fn occupy<T, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
        memory: impl FnOnce(&T) -> *const u8,
    ) -> Result<(T, Occupied), E> {
        let _making = self.0.making.read().unwrap_or_else(PoisonError::into_inner);
        let made = make()?;
        let address = memory(&made).addr();
        let new = || Place { instances: 0, free_since: Instant::now() };
        self.by_address().entry(address).or_insert_with(new).instances += 1;
        Ok((made, Occupied { places: self.clone(), address }))
    }

    /// Gives back to the system what is kept in places that have been free for this long. Returns how many those were.
    pub fn trim(&self, free_for: Duration) -> usize {
        let mut trimmed = 0;
        loop {
            let _nothing_is_made = self.0.making.write().unwrap_or_else(PoisonError::into_inner);
            let mut by_address = self.by_address();
            let is_idle = |place: &Place| place.instances == 0 && place.free_since.elapsed() >= free_for;
            let idle = by_address.iter().filter(|(_, place)| is_idle(place)).map(|(address, _)| *address);
            let idle: Vec<usize> = idle.take(TRIMMED_AT_ONCE).collect();
            for address in &idle {
                by_address.remove(address);
                give_back(*address, self.0.memory_bytes);
            }
            trimmed += idle.len();
            if idle.len() < TRIMMED_AT_ONCE {
                return trimmed;
            }
        }
    }

    fn by_address(&self) -> MutexGuard<'_, HashMap<usize, Place>> {
        self.0.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        if let Some(place) = self.places.by_address().get_mut(&self.address) {
            place.instances -= 1;
            place.free_since = Instant::now();
        }
    }
}

/// Lets go of the written pages of a free place: it reads as pristine memory before and after.
#[cfg(target_os = "linux")]
fn give_back(address: usize, bytes: usize) {
    let start = std::ptr::with_exposed_provenance_mut(address);
    // SAFETY: the pool has mapped this much for the memory of each place. No instance is in this one, and none is made
    // meanwhile. The engine maps the memory privately and leaves it with the content of what it is mapped from, so that
    // the same content is read when the private copies are gone.
    #[allow(unsafe_code)]
    let given = unsafe { rustix::mm::madvise(start, bytes, rustix::mm::Advice::LinuxDontNeed) };
    if let Err(error) = given {
        tracing::warn!(%error, "cannot give back the memory of a free place");
    }
}

/// Elsewhere they are kept.
#[cfg(not(target_os = "linux"))]
fn give_back(_address: usize, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// An instance at an address that nothing is mapped at.
    fn occupy(places: &Places, address: usize) -> Occupied {
        let made = places.occupy(|| Ok::<_, ()>(address), |address| std::ptr::without_provenance(*address));
        made.unwrap().1
    }

    #[test]
    fn free_places_are_trimmed_once() {
        let places = Places::new(0);
        let first = occupy(&places, 4096);
        let second = occupy(&places, 8192);
        assert_eq!(places.trim(Duration::ZERO), 0);
        drop(first);
        assert_eq!(places.trim(Duration::from_secs(60)), 0, "it was left a moment ago");
        assert_eq!(places.trim(Duration::ZERO), 1);
        assert_eq!(places.trim(Duration::ZERO), 0);
        drop(second);
        let _again = occupy(&places, 4096);
        assert_eq!(places.trim(Duration::ZERO), 1);
    }

    #[test]
    fn a_place_that_was_given_to_the_next_instance_is_not_free() {
        let places = Places::new(0);
        let gone = occupy(&places, 4096);
        let next = occupy(&places, 4096);
        drop(gone);
        assert_eq!(places.trim(Duration::ZERO), 0);
        drop(next);
        assert_eq!(places.trim(Duration::ZERO), 1);
    }

    #[test]
    fn many_are_trimmed() {
        let places = Places::new(0);
        drop((0..200).map(|at| occupy(&places, at * 4096)).collect::<Vec<_>>());
        assert_eq!(places.trim(Duration::ZERO), 200);
    }
}
