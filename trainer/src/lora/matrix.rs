//! The low-rank change of one matrix.

use tch::{Device, Kind, Tensor};

use super::Config;

/// The adapter of one matrix `[outputs, inputs]`. Its weights are f32, whatever kind the model computes in.
pub struct Lora {
    /// `[r, inputs]`
    pub a: Tensor,
    /// `[outputs, r]`, laid out by columns. Then every product of a training step, of which each has one side of only `r`
    /// elements, reads the long side in its order: those of the backward pass take a third of the time.
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
        Self::of(a, &Tensor::zeros([outputs, config.r], options), config)
    }

    /// An adapter with these weights, `a` `[r, inputs]` and `b` `[outputs, r]`.
    pub(super) fn of(a: Tensor, b: &Tensor, config: &Config) -> Self {
        Self { a, b: b.tr().contiguous().tr(), scaling: config.scaling(), dropout: config.dropout }
    }

    /// The same adapter: its tensors are these, not copies.
    pub fn shared(&self) -> Self {
        let Self { a, b, scaling, dropout } = self;
        Self { a: a.shallow_clone(), b: b.shallow_clone(), scaling: *scaling, dropout: *dropout }
    }

    /// Adds to the base's products `y`, `[n, outputs]`, what the adapter makes of their inputs `x`, `[n, inputs]`, in the
    /// kind of `x`. In bf16 the products are those of PEFT under autocast: of rounded copies of the weights.
    pub fn add(&self, y: &mut Tensor, x: &Tensor, train: bool) {
        let kind = x.kind();
        let x = match train && self.dropout > 0.0 {
            true => x.dropout(self.dropout, true),
            false => x.shallow_clone(),
        };
        // Scaled between the two products, where the tensor is smallest.
        let inner = x.linear(&self.a.to_kind(kind), None::<Tensor>) * self.scaling;
        let _ = y.addmm_(&inner, &self.b.to_kind(kind).tr());
    }

    /// The change of the matrix, `[outputs, inputs]`.
    pub fn delta(&self) -> Tensor {
        self.b.matmul(&self.a) * self.scaling
    }
}
