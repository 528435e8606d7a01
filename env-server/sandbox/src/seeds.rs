//! The seeds of an interpreter's random numbers.
//!
//! Each source of random numbers has a seed of its own: the SHA-256 of the source's name, the episode's seed and, in a
//! resetting interpreter, the step. Code can compute a source's seed from the numbers that it draws (the state of
//! Python's `random` gives it away), but from that neither the episode's seed nor another source or step.

use sha2::{Digest as _, Sha256};

/// The seeds of one interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// Of Python's `random` module.
    pub python: u64,
    /// Of the system's random bytes: `os.urandom`, and with it `secrets` and `uuid`.
    pub system: [u8; 32],
}

impl Seeds {
    /// The seeds that follow from an episode's seed and, if each step has numbers of its own, from the step's index.
    pub fn of(seed: u64, step: Option<u64>) -> Seeds {
        let [a, b, c, d, e, f, g, h, ..] = digest("random", seed, step);
        Seeds { python: u64::from_be_bytes([a, b, c, d, e, f, g, h]), system: digest("urandom", seed, step) }
    }
}

fn digest(source: &str, seed: u64, step: Option<u64>) -> [u8; 32] {
    let step = step.map_or(String::new(), |index| format!("/{index}"));
    Sha256::digest(format!("runtime-gym/sandbox/{source}/{seed}{step}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by another program:
    /// `int.from_bytes(hashlib.sha256(b"runtime-gym/sandbox/random/7").digest()[:8])`, and with `/7/3`.
    #[test]
    fn the_seeds_are_the_documented_ones() {
        assert_eq!(Seeds::of(7, None).python, 0xb02905ea282e20fe);
        assert_eq!(Seeds::of(7, Some(3)).python, 0x6926826c6e421d44);
    }

    #[test]
    fn no_two_seeds_are_alike() {
        let mut all = Vec::new();
        for seed in [0, 1, 7, 70, u64::MAX] {
            for step in [None, Some(0), Some(1), Some(7), Some(u64::MAX)] {
                let Seeds { python, system } = Seeds::of(seed, step);
                assert_ne!(python.to_be_bytes(), system[..8]);
                all.extend([system.to_vec(), python.to_be_bytes().to_vec()]);
            }
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
