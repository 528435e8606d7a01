//! The virtual world of an interpreter: time, randomness, output, files, and handles to them.
//!
//! A world is plain data, so a copy of an interpreter has an identical world. The functions through which the
//! guest uses it are in `wasi`.

mod captured;
pub mod clock;
pub mod files;
pub mod handles;

use captured::Captured;
use clock::Clock;
use files::{Files, Node};
use handles::Handles;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The world of one interpreter.
#[derive(Clone, Serialize, Deserialize)]
pub struct World {
    pub clock: Clock,
    pub random: ChaCha8Rng,
    pub files: Files,
    pub handles: Handles,
    /// Empty between two steps, as is `stderr`.
    #[serde(skip)]
    pub stdout: Captured,
    #[serde(skip)]
    pub stderr: Captured,
}

impl World {
    /// A world with room for `scratch_bytes` of files. The system's random bytes follow from the seed.
    pub fn new(seed: [u8; 32], scratch_bytes: usize) -> World {
        World {
            clock: Clock::default(),
            random: ChaCha8Rng::from_seed(seed),
            files: Files::new(scratch_bytes),
            handles: Handles::default(),
            stdout: Captured::default(),
            stderr: Captured::default(),
        }
    }

    /// The size of its files in the host's memory.
    pub fn bytes(&self) -> usize {
        self.files.bytes()
    }

    /// Whether its files are a tree within `scratch_bytes`, and its handles refer to them. This holds for every world but
    /// one that was read from outside.
    pub fn is_sound(&self, scratch_bytes: usize) -> bool {
        self.files.limit() <= scratch_bytes && self.files.is_sound() && self.handles.are_sound(&self.files)
    }

    /// Deletes a file or directory if it is in no directory and no handle refers to it.
    pub fn release(&mut self, node: Node) {
        if !self.handles.refer_to(node) {
            self.files.release(node);
        }
    }
}
