//! Rotary position embedding: pairs of dimensions of a head are rotated by an angle proportional to the
//! position.

use tch::{Kind, Tensor};

use super::Config;

/// The rotations of all tokens of a batch, computed once for all layers.
pub struct Rope {
    cos: Tensor, // [b, 1, t, d]
    sin: Tensor, // [b, 1, t, d]
}

impl Rope {
    /// `positions` is `[b, t]`, or `[1, t]` if all rows have the same; `kind` is the model's.
    pub fn new(config: &Config, positions: &Tensor, kind: Kind) -> Self {
        let options = (Kind::Float, positions.device());
        let exponents = Tensor::arange_start_step(0, config.head_dim, 2, options) / config.head_dim as f64;
        let frequencies = Tensor::pow_scalar(config.rope_theta, &exponents).reciprocal(); // [d / 2]
        let angles = positions.to_kind(Kind::Float).unsqueeze(-1) * frequencies; // [b, t, d / 2]
        let angles = Tensor::cat(&[&angles, &angles], -1).unsqueeze(1);
        Self { cos: angles.cos().to_kind(kind), sin: angles.sin().to_kind(kind) }
    }

    /// Rotates `x`, `[b, heads, t, d]`. Dimension `i` is paired with `i + d / 2`.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        let halves = x.chunk(2, -1);
        let rotated = Tensor::cat(&[-&halves[1], halves[0].shallow_clone()], -1);
        x * &self.cos + rotated * &self.sin
    }
}
