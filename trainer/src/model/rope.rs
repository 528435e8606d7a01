//! Rotary position embedding: pairs of dimensions of a head are rotated by an angle proportional to the
//! position.

use tch::{Kind, Tensor};

use super::frequencies::Frequencies;

/// The rotations of all tokens of a batch, computed once for all layers.
pub struct Rope {
    cos: Tensor, // [b, 1, t, d]
    sin: Tensor, // [b, 1, t, d]
}

impl Rope {
    /// `positions` is `[b, t]`, or `[1, t]` if all rows have the same; `kind` is the model's.
    pub fn new(frequencies: &Frequencies, positions: &Tensor, kind: Kind) -> Self {
        let angles = positions.to_kind(Kind::Float).unsqueeze(-1) * &frequencies.radians; // [b, t, d / 2]
        let angles = Tensor::cat(&[&angles, &angles], -1).unsqueeze(1);
        let scaled = |x: Tensor| (x * frequencies.attention_factor).to_kind(kind);
        Self { cos: scaled(angles.cos()), sin: scaled(angles.sin()) }
    }

    /// Rotates `x`, `[b, heads, t, d]`. Dimension `i` is paired with `i + d / 2`.
    pub fn apply(&self, x: &Tensor) -> Tensor {
        let halves = x.chunk(2, -1);
        let rotated = Tensor::cat(&[-&halves[1], halves[0].shallow_clone()], -1);
        x * &self.cos + rotated * &self.sin
    }
}
