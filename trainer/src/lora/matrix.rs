//! The low-rank change of one matrix.

use tch::{Device, Kind, Tensor};

use super::Config;

/// The adapter of one matrix `[outputs, inputs]`. Its weights are f32, whatever kind the model computes in.
pub struct Lora {
    /// `[r, inputs]`
    pub a: Tensor,
    /// `[outputs, r]`
    pub b: Tensor,
    /// `alpha / r`
    pub scaling: f64,
    /// The share of inputs that training zeroes, 0 to 1.
    pub dropout: f64,
}

impl Lora {
    /// An adapter of a matrix of `size` `[outputs, inputs]` that changes nothing yet: `b` is zero, and `a` is
    /// uniform as PEFT draws it, from libtorch's generator.
    pub fn new(size: [i64; 2], device: Device, config: &Config) -> Self {
        let [outputs, inputs] = size;
        let options = (Kind::Float, device);
        let bound = 1.0 / (inputs as f64).sqrt();
        let a = Tensor::empty([config.r, inputs], options).uniform_(-bound, bound);
        let b = Tensor::zeros([outputs, config.r], options);
        Self { a, b, scaling: config.scaling(), dropout: config.dropout }
    }

    /// The same adapter: its tensors are these, not copies.
    pub fn shared(&self) -> Self {
        let Self { a, b, scaling, dropout } = self;
        Self { a: a.shallow_clone(), b: b.shallow_clone(), scaling: *scaling, dropout: *dropout }
    }

    /// What the adapter adds to the product: `[.., inputs]` to `[.., outputs]`, in the kind of `x`. In bf16 the
    /// products are those of PEFT under autocast: of rounded copies of the weights.
    pub fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let kind = x.kind();
        let x = match train && self.dropout > 0.0 {
            true => x.dropout(self.dropout, true),
            false => x.shallow_clone(),
        };
        // Scaled between the two products, where the tensor is smallest.
        let inner = x.linear(&self.a.to_kind(kind), None::<Tensor>) * self.scaling;
        inner.linear(&self.b.to_kind(kind), None::<Tensor>)
    }

    /// The change of the matrix, `[outputs, inputs]`.
    pub fn delta(&self) -> Tensor {
        self.b.matmul(&self.a) * self.scaling
    }
}
