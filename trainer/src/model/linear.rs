//! A matrix of a layer: dense or quantised, with or without a bias and an adapter.

use tch::{Device, Tensor};

use super::pass::Pass;
use crate::lora::Lora;
use crate::nf4;

/// A base weight, `[outputs, inputs]`.
pub enum Matrix {
    /// Unquantised.
    Dense(Tensor),
    /// Quantised to four bits.
    Nf4(nf4::Quantised),
}

/// `y = x W^T + bias`, plus the contribution of the adapter.
pub struct Linear {
    name: String,
    matrix: Matrix,
    bias: Option<Tensor>, // [outputs]
    adapter: Option<Lora>,
}

impl Linear {
    pub(super) fn new(name: &str, matrix: Matrix, bias: Option<Tensor>) -> Self {
        Self { name: name.to_owned(), matrix, bias, adapter: None }
    }

    /// `[b, t, inputs]` to `[b, t, outputs]`. The attached adapter applies to all tokens, those of the pass
    /// to the tokens that they name.
    pub(super) fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Tensor {
        let y = self.base(x);
        let y = match &self.adapter {
            None => y,
            Some(lora) => adapt(&y, x, lora, pass.train),
        };
        pass.adapted.iter().fold(y, |mut y, group| match (group.adapter.get(&self.name), &group.tokens) {
            (None, _) => y,
            (Some(lora), None) => adapt(&y, x, lora, pass.train),
            (Some(lora), Some(tokens)) => {
                let part = |all: &Tensor| all.index_select(1, tokens);
                y.index_copy_(1, tokens, &adapt(&part(&y), &part(x), lora, pass.train))
            }
        })
    }

    /// The product with the base weight, plus the bias.
    fn base(&self, x: &Tensor) -> Tensor {
        let bias = self.bias.as_ref().map(|bias| bias.to_kind(x.kind()));
        let packed = match &self.matrix {
            Matrix::Dense(_) => None,
            Matrix::Nf4(quantised) => quantised.multiply(x, bias.as_ref()),
        };
        packed.unwrap_or_else(|| x.linear(&self.weight().to_kind(x.kind()), bias))
    }

    /// The layer's name in the model, such as `model.layers.0.self_attn.q_proj`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base weight, `[outputs, inputs]`; a quantised one is dequantised at each call. Autograd keeps the
    /// result until the backward pass, so training on four bits needs gradient checkpointing to save memory.
    pub fn weight(&self) -> Tensor {
        match &self.matrix {
            Matrix::Dense(weight) => weight.shallow_clone(),
            Matrix::Nf4(quantised) => quantised.dequantise(),
        }
    }

    /// The base's tensors by name: the weight, and the bias if there is one. As [`Self::weight`], not copies.
    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        let weight = [(format!("{}.weight", self.name), self.weight())];
        let bias = self.bias.iter().map(|bias| (format!("{}.bias", self.name), bias.shallow_clone()));
        weight.into_iter().chain(bias).collect()
    }

    /// Outputs and inputs.
    pub fn size(&self) -> [i64; 2] {
        match &self.matrix {
            Matrix::Dense(weight) => weight.size2().map(Into::into).expect("a matrix"),
            Matrix::Nf4(quantised) => quantised.size(),
        }
    }

    /// The device that holds it.
    pub fn device(&self) -> Device {
        match &self.matrix {
            Matrix::Dense(weight) => weight.device(),
            Matrix::Nf4(quantised) => quantised.codes().device(),
        }
    }

    /// The base weight as it is held.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The adapter, if one is attached.
    pub fn adapter(&self) -> Option<&Lora> {
        self.adapter.as_ref()
    }

    /// Attaches an adapter, or removes it.
    pub fn set_adapter(&mut self, adapter: Option<Lora>) {
        self.adapter = adapter;
    }

    /// Adds a change to the base weight, in the weight's kind. Returns whether it could: a quantised weight would be
    /// rounded twice.
    pub fn add_to_weight(&mut self, change: &Tensor) -> bool {
        match &mut self.matrix {
            Matrix::Dense(weight) => {
                tch::no_grad(|| *weight = &*weight + change.to_kind(weight.kind()));
                true
            }
            Matrix::Nf4(_) => false,
        }
    }
}

/// Adds what the adapter adds, in the kind of the computation.
fn adapt(y: &Tensor, x: &Tensor, lora: &Lora, train: bool) -> Tensor {
    y + lora.forward(x, train)
}
