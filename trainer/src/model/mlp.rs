//! The gated feed-forward network (SwiGLU).

use tch::Tensor;

use super::pass::Pass;
use super::{Config, Linear, Source};
use crate::Result;

pub struct Mlp {
    pub gate_proj: Linear,
    pub up_proj: Linear,
    pub down_proj: Linear,
}

impl Mlp {
    pub fn new(source: &mut Source<'_>, name: &str, config: &Config) -> Result<Self> {
        let (h, width, biased) = (config.hidden_size, config.intermediate_size, config.mlp_bias);
        Ok(Self {
            gate_proj: source.linear(&format!("{name}.gate_proj"), h, width, biased)?,
            up_proj: source.linear(&format!("{name}.up_proj"), h, width, biased)?,
            down_proj: source.linear(&format!("{name}.down_proj"), width, h, biased)?,
        })
    }

    /// `[b, t, h]` to `[b, t, h]`.
    pub fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Tensor {
        let gate = self.gate_proj.forward(x, pass).silu();
        self.down_proj.forward(&(gate * self.up_proj.forward(x, pass)), pass)
    }
}
