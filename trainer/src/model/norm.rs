//! RMSNorm.

use tch::{Kind, Tensor};

use super::source::Source;
use crate::Result;

/// Scales the last dimension to a mean square of one, then by a learned weight.
pub struct Norm {
    pub weight: Tensor,
    epsilon: f64,
}

impl Norm {
    pub fn new(source: &mut Source<'_>, name: &str, size: i64, epsilon: f64) -> Result<Self> {
        Ok(Self { weight: source.tensor(&format!("{name}.weight"), &[size])?, epsilon })
    }

    /// Computes in f32, as transformers does, whatever kind the model computes in.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let wide = x.to_kind(Kind::Float);
        let mean_square = wide.square().mean_dim([-1].as_slice(), true, Kind::Float);
        (wide * (mean_square + self.epsilon).rsqrt()).to_kind(x.kind()) * self.weight.to_kind(x.kind())
    }
}
