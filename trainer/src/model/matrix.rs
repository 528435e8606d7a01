//! A base weight, in one of the forms that it is held in.

use tch::{Device, Tensor};

use super::blocks::Blocks;
use crate::nf4;

/// A base weight, `[outputs, inputs]`.
pub enum Matrix {
    /// Unquantised.
    Dense(Tensor),
    /// Quantised to four bits.
    Nf4(nf4::Quantised),
    /// Unquantised, for generating only.
    Blocks(Blocks),
}

impl Matrix {
    /// `x W^T + bias`: `[.., inputs]` to `[.., outputs]`, in the kind of `x`.
    pub fn multiply(&self, x: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let dense = || x.linear(&self.weight().to_kind(x.kind()), bias);
        match self {
            Self::Dense(_) => dense(),
            Self::Nf4(quantised) => quantised.multiply(x, bias).unwrap_or_else(dense),
            Self::Blocks(blocks) => {
                let product = blocks.multiply(x);
                match bias {
                    Some(bias) => product + bias,
                    None => product,
                }
            }
        }
    }

    /// The weight, `[outputs, inputs]`; one that is not dense is computed at each call. Autograd keeps the
    /// result until the backward pass, so training on four bits needs gradient checkpointing to save memory.
    pub fn weight(&self) -> Tensor {
        match self {
            Self::Dense(weight) => weight.shallow_clone(),
            Self::Nf4(quantised) => quantised.dequantise(),
            Self::Blocks(blocks) => blocks.matrix(),
        }
    }

    /// Outputs and inputs.
    pub fn size(&self) -> [i64; 2] {
        match self {
            Self::Dense(weight) => weight.size2().map(Into::into).expect("a matrix"),
            Self::Nf4(quantised) => quantised.size(),
            Self::Blocks(blocks) => blocks.size(),
        }
    }

    /// The device that holds it.
    pub fn device(&self) -> Device {
        match self {
            Self::Dense(weight) => weight.device(),
            Self::Nf4(quantised) => quantised.codes().device(),
            Self::Blocks(_) => Device::Cpu,
        }
    }

    /// Lays a dense one out in [`Blocks`], if it can be: for generating, as blocks have no gradient.
    pub fn lay_out_in_blocks(&mut self) {
        if let Self::Dense(weight) = self
            && let Some(blocks) = Blocks::new(weight)
        {
            *self = Self::Blocks(blocks);
        }
    }
}
