//! The loss of tokens that were drawn by an earlier policy, and their gradient for the one that is trained.

use tch::{Kind, Tensor};

use crate::train::config::Trl;

/// The clipped surrogate objective of PPO with the divergence from a reference, as GRPO has it (equation 3 of
/// <https://arxiv.org/abs/2402.03300>), token by token:
///
/// `-min(r A, clip(r, 1 - epsilon, 1 + epsilon_high) A) c + beta k`
///
/// - `r = exp(logprob - old)` is the ratio of the token's probabilities now and when its episode was played, `A` its rollout's
///   advantage;
/// - `c = min(exp(old - drawn), cap)` corrects that the engine drew the token with a slightly different probability than the
///   trainer computes for the same weights (truncated importance sampling, as in TRL; 1 without the correction);
/// - `k = exp(d) - d - 1` with `d = reference - logprob` estimates the divergence from the reference, without bias and
///   never below zero (equation 4 there; `k3` in <http://joschu.net/blog/kl-approx.html>).
#[derive(Clone, Copy, Debug)]
pub struct Surrogate {
    low: f64,
    high: f64,
    beta: f64,
    cap: Option<f64>,
}

/// What belongs to some tokens besides their log-probabilities now: f32 `[n]` each.
pub struct Columns {
    /// The advantage of the rollout.
    pub advantage: Tensor,
    /// The weight in the mean that the loss is.
    pub weight: Tensor,
    /// The log-probability to the trainer when the episode was played; `None`: as now.
    pub old: Option<Tensor>,
    /// The log-probability with which the engine drew the token.
    pub drawn: Tensor,
    /// The log-probability to the reference; needed if `beta` is not 0.
    pub reference: Option<Tensor>,
}

/// Sums over tokens, f64.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// The weighted losses.
    pub loss: f64,
    /// The divergence from the reference.
    pub kl: f64,
    /// Tokens whose ratio is clipped, so that they have no gradient but that of the divergence.
    pub clipped: f64,
    /// Absolute differences of `old` and `drawn`.
    pub difference: f64,
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        self.kl += other.kl;
        self.clipped += other.clipped;
        self.difference += other.difference;
    }
}

impl Surrogate {
    /// The objective of a config.
    pub fn new(trl: &Trl) -> Self {
        Self {
            low: 1.0 - trl.epsilon,
            high: 1.0 + trl.epsilon_high.unwrap_or(trl.epsilon),
            beta: trl.beta,
            cap: trl.importance_sampling_correction.then_some(trl.importance_sampling_cap),
        }
    }

    /// The weighted sum of the losses of tokens, a scalar with a gradient with respect to `logprobs`, f32 `[n]`.
    pub fn loss(&self, logprobs: &Tensor, columns: &Columns) -> (Tensor, Sums) {
        let Columns { advantage, weight, drawn, .. } = columns;
        let old = columns.old.as_ref().map_or_else(|| logprobs.detach(), Tensor::shallow_clone);
        let ratio = (logprobs - &old).exp();
        let gain = (&ratio * advantage).minimum(&(ratio.clamp(self.low, self.high) * advantage));
        let mut loss = -match self.cap {
            Some(cap) => gain * (&old - drawn).exp().clamp_max(cap),
            None => gain,
        };
        let mut kl = 0.0;
        if let Some(reference) = columns.reference.as_ref().filter(|_| self.beta != 0.0) {
            let d = reference - logprobs;
            let divergence = d.exp() - &d - 1.0;
            kl = sum(&divergence.detach());
            loss += divergence * self.beta;
        }
        let loss = (loss * weight).sum(Kind::Float);
        let ratio = ratio.detach();
        let above = ratio.gt(self.high).logical_and(&advantage.gt(0.0));
        let below = ratio.lt(self.low).logical_and(&advantage.lt(0.0));
        let sums = Sums {
            loss: sum(&loss.detach()),
            kl,
            clipped: sum(&above.logical_or(&below)),
            difference: sum(&(&old - drawn).abs()),
        };
        (loss, sums)
    }
}

fn sum(tensor: &Tensor) -> f64 {
    tensor.sum(Kind::Double).double_value(&[])
}
