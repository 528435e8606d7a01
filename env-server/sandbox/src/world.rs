//! The virtual world of an interpreter: time, randomness, output, files, and handles to them.
//!
//! A world is plain data, so a copy of an interpreter has an identical world. The functions through which the
//! guest uses it are in `wasi`.

pub mod clock;
pub mod files;
pub mod handles;
mod stdout;

use clock::Clock;
use files::{Files, Node};
use handles::Handles;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use stdout::Stdout;

/// The world of one interpreter.
#[derive(Clone)]
pub struct World {
    pub clock: Clock,
    pub random: ChaCha8Rng,
    pub files: Files,
    pub handles: Handles,
    pub stdout: Stdout,
}

impl World {
    /// A world with room for `scratch_bytes` of files. Its randomness follows from the seed.
    pub fn new(seed: u64, scratch_bytes: usize) -> World {
        World {
            clock: Clock::default(),
            random: ChaCha8Rng::seed_from_u64(seed),
            files: Files::new(scratch_bytes),
            handles: Handles::default(),
            stdout: Stdout::default(),
        }
    }

    /// The size of its files in the host's memory.
    pub fn bytes(&self) -> usize {
        self.files.bytes()
    }

    /// Deletes a file or directory if it is in no directory and no handle refers to it.
    pub fn release(&mut self, node: Node) {
        if !self.handles.refer_to(node) {
            self.files.release(node);
        }
    }
}
