//! What stands where the host would be: time, randomness, output and files of an interpreter's own.
//!
//! All of it is plain data, so that a copy of an interpreter has a world that is exactly alike.

mod clock;
mod files;
mod handles;
mod stdout;
mod wasi;

use clock::Clock;
use files::Files;
use handles::Handles;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use stdout::Stdout;

pub use wasi::add_to_linker;

/// One interpreter's world.
#[derive(Clone)]
pub struct World {
    clock: Clock,
    random: ChaCha8Rng,
    files: Files,
    handles: Handles,
    pub stdout: Stdout,
}

impl World {
    /// Time and randomness follow from the seed; there are no files yet, and room for `scratch_bytes` of them.
    pub fn new(seed: u64, scratch_bytes: usize) -> World {
        World {
            clock: Clock::default(),
            random: ChaCha8Rng::seed_from_u64(seed),
            files: Files::new(scratch_bytes),
            handles: Handles::default(),
            stdout: Stdout::default(),
        }
    }

    /// What its files take of the host's memory.
    pub fn bytes(&self) -> usize {
        self.files.bytes()
    }
}
