//! Seeded random choices.

use std::fmt::Display;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A random generator that depends only on its seed, and, for the wording of a turn, on the turn's number.
#[derive(Debug)]
pub struct Random {
    rng: ChaCha8Rng,
}

impl Random {
    /// For what stays the same in a whole episode: names, code style, batch sizes.
    pub fn of_episode(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// For what changes with the turn: wording.
    pub fn of_turn(seed: u64, turn: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(turn as u64 + 1); // stream 0 is the episode's
        Self { rng }
    }

    /// One of the options.
    pub fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.rng.random_range(0..options.len())]
    }

    /// One of the sentences, with each `{name}` in it replaced by the value of that name.
    pub fn phrase(&mut self, options: &[&str], values: &[(&str, &dyn Display)]) -> String {
        values.iter().fold(self.pick(options).to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), &value.to_string())
        })
    }

    /// With probability 1/4 one of the options as a comment line of Python, otherwise an empty text.
    pub fn comment(&mut self, options: &[&str]) -> String {
        if self.between(1, 4) == 1 { format!("# {}\n", self.pick(options)) } else { String::new() }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        self.rng.random_range(low..=high)
    }
}
