//! Where a model's weights come from while it is built.

use tch::{Kind, Tensor};

use super::linear::{Linear, Matrix};
use crate::{Result, nf4};

/// A tensor, by name and shape.
type Read<'a> = dyn FnMut(&str, &[i64]) -> Result<Tensor> + 'a;

/// Gives tensors by name and shape: from files, or at random.
pub struct Source<'a> {
    read: Box<Read<'a>>,
    nf4: bool,
}

impl<'a> Source<'a> {
    /// Tensors as `read` gives them.
    pub fn new(read: impl FnMut(&str, &[i64]) -> Result<Tensor> + 'a) -> Self {
        Self { read: Box::new(read), nf4: false }
    }

    /// A new model's weights: normal with deviation `std`, from libtorch's generator; norms start at one.
    pub fn random(std: f64, kind: Kind, device: tch::Device) -> Self {
        Self::new(move |_, shape| {
            let options = (Kind::Float, device);
            let tensor = match shape {
                [_] => Tensor::ones(shape, options),
                _ => Tensor::randn(shape, options) * std,
            };
            Ok(tensor.to_kind(kind))
        })
    }

    /// Quantises the layers' matrices as they come, so that no more than one is held whole.
    pub fn quantised(self, nf4: bool) -> Self {
        Self { nf4, ..self }
    }

    pub(super) fn tensor(&mut self, name: &str, shape: &[i64]) -> Result<Tensor> {
        (self.read)(name, shape)
    }

    /// A matrix `[outputs, inputs]` of a layer.
    pub(super) fn linear(&mut self, name: &str, inputs: i64, outputs: i64) -> Result<Linear> {
        let weight = self.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
        let matrix = match self.nf4 {
            true => Matrix::Nf4(nf4::Quantised::new(name, &weight)?),
            false => Matrix::Dense(weight),
        };
        Ok(Linear::new(name, matrix))
    }
}
