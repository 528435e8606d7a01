//! Seeded choices, and putting an answer together.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A source of choices that depends on nothing but its seed.
#[derive(Debug)]
pub struct Voice {
    rng: ChaCha8Rng,
}

impl Voice {
    /// Choices that hold for a whole episode: names, code style, batch sizes.
    pub fn of_episode(seed: u64) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// Choices of one turn: wording.
    pub fn of_turn(seed: u64, turn: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(turn as u64 + 1); // stream 0 is the episode's
        Self { rng }
    }

    /// One of several.
    pub fn pick<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.rng.random_range(0..options.len())]
    }

    /// A number in an inclusive range.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        self.rng.random_range(low..=high)
    }
}

/// Reasoning and one block of code, as an assistant message.
pub fn message(reasoning: &str, code: &str) -> String {
    format!("{reasoning}\n\n```python\n{}\n```", code.trim_end())
}
