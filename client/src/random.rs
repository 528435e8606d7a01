//! Random numbers for waiting and for choosing. The standard library's hash maps are seeded by the operating system, which is
//! random enough for that.

use std::hash::{BuildHasher as _, RandomState};

/// A random number from 0 to 1.
pub fn share() -> f64 {
    bits() as f64 / u64::MAX as f64
}

/// A random number below `bound`, which must not be 0.
pub fn below(bound: usize) -> usize {
    (bits() % bound as u64) as usize
}

fn bits() -> u64 {
    RandomState::new().hash_one(())
}
