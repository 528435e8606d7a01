//! The random numbers that a task is drawn from.
//!
//! A seed gives the same task on every platform and with every version of `rand`: the numbers come from ChaCha20 by
//! integer arithmetic or by `+ - * /` on doubles, and only the cipher itself comes from a dependency.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// The stream of one task.
pub struct Stream(ChaCha20Rng);

impl Stream {
    /// The stream of a seed: ChaCha20 with the seed as the key's first eight
    /// bytes (little-endian), the rest of the key and the nonce zero.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha20Rng::from_seed(key))
    }

    /// Uniform below `bound`, which is at least 1, by rejection sampling.
    fn below(&mut self, bound: u64) -> u64 {
        let even = u64::MAX - u64::MAX % bound;
        loop {
            let word = self.0.next_u64();
            if word < even {
                return word % bound;
            }
        }
    }

    /// Uniform in `low..=high`.
    pub fn integer(&mut self, low: i64, high: i64) -> i64 {
        let width = high.abs_diff(low).saturating_add(1);
        low.wrapping_add_unsigned(self.below(width))
    }

    /// Uniform in `low..high`: 53 random bits, scaled.
    pub fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of the elements, of which there must be at least one.
    pub fn choose<'a, T>(&mut self, elements: &'a [T]) -> &'a T {
        &elements[self.below(elements.len() as u64) as usize]
    }

    /// `count` different elements in random order (all, if there are fewer): the
    /// beginning of a Fisher-Yates shuffle.
    pub fn sample<T: Clone>(&mut self, elements: &[T], count: usize) -> Vec<T> {
        let mut pool = elements.to_vec();
        let count = count.min(pool.len());
        for i in 0..count {
            let rest = (pool.len() - i) as u64;
            pool.swap(i, i + self.below(rest) as usize);
        }
        pool.truncate(count);
        pool
    }

    /// Opaque ids, all different: the prefix and 12 hex digits each.
    pub fn opaque_ids(&mut self, prefix: &str, count: usize) -> Vec<String> {
        let mut ids: Vec<String> = Vec::with_capacity(count);
        while ids.len() < count {
            let id = self.opaque_id(prefix);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// An opaque id: the prefix and 12 hex digits.
    pub fn opaque_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{:012x}", self.0.next_u64() >> 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pins the stream: if these change, every task changes.
    #[test]
    fn the_stream_is_pinned() {
        let mut stream = Stream::new(1);
        let drawn = (
            stream.integer(-10, 10),
            stream.real(0.35, 0.5),
            stream.opaque_id("item_"),
            stream.sample(&["a", "b", "c", "d"], 3),
        );
        assert_eq!(drawn, (2, 0.4281367494706926, "item_55948a23ce3e".to_owned(), vec!["a", "b", "d"]));
    }

    #[test]
    fn draws_stay_in_range_and_reach_its_ends() {
        let mut stream = Stream::new(7);
        let drawn: Vec<i64> = (0..200).map(|_| stream.integer(-2, 2)).collect();
        for wanted in -2..=2 {
            assert!(drawn.contains(&wanted), "{wanted}");
        }
        assert!(drawn.iter().all(|number| (-2..=2).contains(number)));
        assert_eq!(stream.integer(5, 5), 5);
        let mut all = stream.sample(&[1, 2, 3], 9);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    }
}
