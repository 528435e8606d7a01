//! The source of weights while a model is built.

use tch::{Kind, Tensor};

use super::{Linear, Matrix};
use crate::{Result, nf4};

/// Returns a tensor by name and shape.
type Read<'a> = dyn FnMut(&str, &[i64]) -> Result<Tensor> + 'a;

/// Tensors by name and shape: from files, or random.
pub struct Source<'a> {
    read: Box<Read<'a>>,
    nf4: bool,
}

impl<'a> Source<'a> {
    /// Tensors from `read`, which gets the name and the shape.
    pub fn new(read: impl FnMut(&str, &[i64]) -> Result<Tensor> + 'a) -> Self {
        Self { read: Box::new(read), nf4: false }
    }

    /// The weights of a new model: normal with standard deviation `std`, from libtorch's generator; norms are
    /// one, biases zero.
    pub fn random(std: f64, kind: Kind, device: tch::Device) -> Self {
        Self::new(move |name, shape| {
            let options = (Kind::Float, device);
            let tensor = match shape {
                [_] if name.ends_with(".bias") => Tensor::zeros(shape, options),
                [_] => Tensor::ones(shape, options),
                _ => Tensor::randn(shape, options) * std,
            };
            Ok(tensor.to_kind(kind))
        })
    }

    /// Whether the matrices of layers are quantised one by one, so that at most one is held dense.
    pub fn quantised(self, nf4: bool) -> Self {
        Self { nf4, ..self }
    }

    pub(super) fn tensor(&mut self, name: &str, shape: &[i64]) -> Result<Tensor> {
        (self.read)(name, shape)
    }

    /// A matrix `[outputs, inputs]` of a layer, with a bias or without.
    pub(super) fn linear(&mut self, name: &str, inputs: i64, outputs: i64, biased: bool) -> Result<Linear> {
        let weight = self.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
        let matrix = match self.nf4 {
            true => Matrix::Nf4(nf4::Quantised::new(name, &weight)?),
            false => Matrix::Dense(weight),
        };
        let bias = biased.then(|| self.tensor(&format!("{name}.bias"), &[outputs])).transpose()?;
        Ok(Linear::new(name, matrix, bias))
    }
}
