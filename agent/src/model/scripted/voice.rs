//! Seeded choices, and putting an answer together.

use std::fmt::Display;

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

    /// One of several sentences; `{name}` in it becomes the value of that name.
    pub fn phrase(&mut self, options: &[&str], values: &[(&str, &dyn Display)]) -> String {
        values.iter().fold(self.pick(options).to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), &value.to_string())
        })
    }

    /// Now and then a line of comment, one of several; mostly nothing.
    pub fn comment(&mut self, options: &[&str]) -> String {
        if self.between(1, 4) == 1 { format!("# {}\n", self.pick(options)) } else { String::new() }
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
