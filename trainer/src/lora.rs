//! LoRA: a matrix's change as the product of two thin ones, in PEFT's files.
//!
//! [`attach`] puts new adapters on a model, [`load`] and [`save`] speak PEFT's format, [`merge`] adds them to the
//! weights.

mod adapter;
mod config;
mod folder;

use tch::{Kind, Tensor};

use crate::Result;
use crate::model::{Linear, Model};

pub use adapter::{Adapter, Place, places};
pub use config::{Config, Target};
pub use folder::{CONFIG, WEIGHTS, load, save, tensors};

/// An adapter of one matrix `[outputs, inputs]`; its own weights are f32 whatever the model computes in.
pub struct Lora {
    /// `[r, inputs]`
    pub a: Tensor,
    /// `[outputs, r]`
    pub b: Tensor,
    /// `alpha / r`
    pub scaling: f64,
    /// The share of inputs that training leaves out.
    pub dropout: f64,
}

impl Lora {
    /// An adapter that changes nothing yet: `b` is zero, `a` is uniform as PEFT draws it, from libtorch's generator.
    pub fn new(linear: &Linear, config: &Config) -> Self {
        let weight = linear.size();
        let options = (Kind::Float, linear.device());
        let bound = 1.0 / (weight[1] as f64).sqrt();
        let a = Tensor::empty([config.r, weight[1]], options).uniform_(-bound, bound);
        let b = Tensor::zeros([weight[0], config.r], options);
        Self { a, b, scaling: config.scaling(), dropout: config.dropout }
    }

    /// What the adapter adds: `[.., inputs]` to `[.., outputs]`, in f32.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let mut x = x.to_kind(self.a.kind());
        if train && self.dropout > 0.0 {
            x = x.dropout(self.dropout, true);
        }
        // Scaled where it is narrow.
        (x.linear(&self.a, None::<Tensor>) * self.scaling).linear(&self.b, None::<Tensor>)
    }

    /// The change of the matrix, `[outputs, inputs]`.
    pub fn delta(&self) -> Tensor {
        self.b.matmul(&self.a) * self.scaling
    }
}

/// Puts new adapters on the matrices that the config targets, in place of any others.
pub fn attach(model: &mut Model, config: &Config) {
    for linear in model.linears_mut() {
        let lora = config.targets(linear.name()).then(|| Lora::new(linear, config));
        linear.set_adapter(lora);
    }
}

/// Adds the adapters to the weights and takes them off.
pub fn merge(model: &mut Model) -> Result<()> {
    model.linears_mut().try_for_each(Linear::merge)
}
