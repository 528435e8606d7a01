//! From logits to a token.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{Error, Result};

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The divisor of the logits; 0 is greedy: always the most likely token.
    pub temperature: f64,
    /// Nucleus sampling: the fewest most likely tokens whose probabilities sum to this; 1 is all.
    pub top_p: f64,
    /// Only this number of most likely tokens, plus ties of the last one; 0 is all.
    pub top_k: usize,
    /// The same seed gives the same draws; `None`: a random seed.
    pub seed: Option<u64>,
}

impl Default for Sampling {
    /// Greedy.
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, top_k: 0, seed: None }
    }
}

impl Sampling {
    pub(super) fn check(&self) -> Result<()> {
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(Error::field("temperature", format!("must be 0 or more, is {}", self.temperature)));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(Error::field("top_p", format!("must be above 0 and at most 1, is {}", self.top_p)));
        }
        Ok(())
    }

    /// Whether the most likely token is always chosen.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// The tokens that may be drawn and their probabilities, in the order of their ids: temperature first,
    /// then `top_k`, then `top_p` among the remaining tokens, as transformers does it.
    pub fn distribution(&self, logits: &[f32]) -> Vec<(usize, f64)> {
        if self.is_greedy() {
            return vec![(argmax(logits), 1.0)];
        }
        let least = kth_largest(logits, self.top_k);
        let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let weight = |logit: f32| ((f64::from(logit) - highest) / self.temperature).exp();
        let kept = logits.iter().enumerate().filter(|(_, logit)| **logit >= least);
        let mut tokens: Vec<(usize, f64)> = kept.map(|(id, logit)| (id, weight(*logit))).collect();
        normalise(&mut tokens);
        if self.top_p < 1.0 {
            nucleus(&mut tokens, self.top_p);
            normalise(&mut tokens);
        }
        tokens
    }
}

/// Keeps the fewest most likely tokens whose probabilities sum to `top_p`.
fn nucleus(tokens: &mut Vec<(usize, f64)>, top_p: f64) {
    // All tokens below this together have less probability than what is cut off, so they need no sorting.
    let negligible = (1.0 - top_p) / tokens.len() as f64;
    tokens.retain(|(_, probability)| *probability >= negligible);
    tokens.sort_by(|one, other| other.1.total_cmp(&one.1));
    let mut before = 0.0;
    tokens.retain(|(_, probability)| {
        let kept = before < top_p;
        before += probability;
        kept
    });
    // Sorted by id, a draw does not depend on the order of two nearly equal probabilities.
    tokens.sort_unstable_by_key(|(id, _)| *id);
}

fn normalise(tokens: &mut [(usize, f64)]) {
    let total: f64 = tokens.iter().map(|(_, weight)| weight).sum();
    tokens.iter_mut().for_each(|(_, weight)| *weight /= total);
}

/// The `k`th largest value; minus infinity if `k` keeps all.
fn kth_largest(values: &[f32], k: usize) -> f32 {
    if k == 0 || k >= values.len() {
        return f32::NEG_INFINITY;
    }
    let mut values = values.to_vec();
    *values.select_nth_unstable_by(k - 1, |one, other| other.total_cmp(one)).1
}

/// The index of the largest value; the first of equal ones.
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (id, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = id;
        }
    }
    best
}

/// Draws the tokens of one answer from a generator of its own.
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
}

impl Sampler {
    pub fn new(sampling: Sampling) -> Self {
        let seed = sampling.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        Self { sampling, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A draw from the generator: 53 random bits, scaled, so uniform from 0 to below 1.
    pub fn point(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Draws a token, with exactly one draw from the generator.
    pub fn choose(&mut self, logits: &[f32]) -> i64 {
        let tokens = self.sampling.distribution(logits);
        let mut left = self.point();
        for (id, probability) in &tokens {
            left -= probability;
            if left < 0.0 {
                return *id as i64;
            }
        }
        // Rounding may leave a small remainder.
        tokens.iter().rev().find(|(_, probability)| *probability > 0.0).map_or(0, |(id, _)| *id as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(sampling: Sampling, logits: &[f32]) -> Vec<usize> {
        sampling.distribution(logits).iter().map(|(id, _)| *id).collect()
    }

    #[test]
    fn filters_keep_the_most_likely_tokens() {
        let logits = [0.0, 3.0, 1.0, 2.0, 2.0]; // 0.03, 0.56, 0.08, 0.21, 0.21
        let plain = Sampling { temperature: 1.0, ..Sampling::default() };
        assert_eq!(ids(plain, &logits), [0, 1, 2, 3, 4]);
        assert_eq!(ids(Sampling::default(), &logits), [1]);
        // Ties of the last one are kept.
        assert_eq!(ids(Sampling { top_k: 2, ..plain }, &logits), [1, 3, 4]);
        assert_eq!(ids(Sampling { top_k: 9, ..plain }, &logits), [0, 1, 2, 3, 4]);
        assert_eq!(ids(Sampling { top_p: 0.4, ..plain }, &logits), [1]);
        assert_eq!(ids(Sampling { top_p: 0.9, ..plain }, &logits), [1, 3, 4]);
        assert_eq!(ids(Sampling { top_p: 1e-9, ..plain }, &logits), [1]);
        for sampling in [plain, Sampling { top_k: 3, top_p: 0.8, ..plain }] {
            let total: f64 = sampling.distribution(&logits).iter().map(|(_, p)| p).sum();
            assert!((total - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn draws_follow_the_distribution_and_the_seed() {
        let logits = [0.0f32, 1.0, 2.0];
        let sampling = Sampling { temperature: 1.0, seed: Some(5), ..Sampling::default() };
        let draw = |sampling| {
            let mut sampler = Sampler::new(sampling);
            (0..4000).map(|_| sampler.choose(&logits)).collect::<Vec<_>>()
        };
        let drawn = draw(sampling);
        assert_eq!(drawn, draw(sampling));
        assert_ne!(drawn, draw(Sampling { seed: Some(6), ..sampling }));
        for (id, probability) in sampling.distribution(&logits) {
            let share = drawn.iter().filter(|token| **token == id as i64).count() as f64 / 4000.0;
            assert!((share - probability).abs() < 0.03, "{id}: {share}, not {probability}");
        }
    }
}
