//! From logits to a token.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{Error, Result};

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// What logits are divided by; 0 is greedy: always the likeliest.
    pub temperature: f64,
    /// Of the likeliest tokens, as few as reach this probability together; 1 is all.
    pub top_p: f64,
    /// Only so many of the likeliest tokens, and those as likely as the last of them; 0 is all.
    pub top_k: usize,
    /// Same seed, same draws; none: other ones each time.
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

    /// Whether there is nothing to draw.
    pub fn is_greedy(&self) -> bool {
        self.temperature == 0.0
    }

    /// The tokens that may be drawn and their probabilities, in the order of their ids: temperature first, then
    /// `top_k`, then `top_p` of what is left, as transformers does it.
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

/// Keeps the likeliest tokens, as few as reach `top_p`.
fn nucleus(tokens: &mut Vec<(usize, f64)>, top_p: f64) {
    // All below this together weigh less than what is left out: they need no sorting.
    let surely_out = (1.0 - top_p) / tokens.len() as f64;
    tokens.retain(|(_, probability)| *probability >= surely_out);
    tokens.sort_by(|one, other| other.1.total_cmp(&one.1));
    let mut before = 0.0;
    tokens.retain(|(_, probability)| {
        let kept = before < top_p;
        before += probability;
        kept
    });
    // In the order of ids a draw does not hang on which of two near ones comes first.
    tokens.sort_unstable_by_key(|(id, _)| *id);
}

fn normalise(tokens: &mut [(usize, f64)]) {
    let total: f64 = tokens.iter().map(|(_, weight)| weight).sum();
    tokens.iter_mut().for_each(|(_, weight)| *weight /= total);
}

/// The `k`th largest value; the least possible one where `k` leaves all.
fn kth_largest(values: &[f32], k: usize) -> f32 {
    if k == 0 || k >= values.len() {
        return f32::NEG_INFINITY;
    }
    let mut values = values.to_vec();
    *values.select_nth_unstable_by(k - 1, |one, other| other.total_cmp(one)).1
}

/// The first of the largest.
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (id, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = id;
        }
    }
    best
}

/// Draws the tokens of one answer.
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
}

impl Sampler {
    pub fn new(sampling: Sampling) -> Self {
        let seed = sampling.seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        Self { sampling, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// One token: one draw, whatever the distribution.
    pub fn choose(&mut self, logits: &[f32]) -> i64 {
        let tokens = self.sampling.distribution(logits);
        // 53 random bits, scaled: uniform from 0 to below 1.
        let mut left = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        for (id, probability) in &tokens {
            left -= probability;
            if left < 0.0 {
                return *id as i64;
            }
        }
        // Rounding may leave a crumb.
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
    fn filters_keep_what_they_say() {
        let logits = [0.0, 3.0, 1.0, 2.0, 2.0]; // 0.03, 0.56, 0.08, 0.21, 0.21
        let plain = Sampling { temperature: 1.0, ..Sampling::default() };
        assert_eq!(ids(plain, &logits), [0, 1, 2, 3, 4]);
        assert_eq!(ids(Sampling::default(), &logits), [1]);
        // Ties of the last one stay.
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
