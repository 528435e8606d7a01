//! A matrix of a layer: dense or quantised, with or without a bias and an adapter.

use tch::{Device, Tensor};

use super::Matrix;
use super::pass::Pass;
use crate::lora::Lora;

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
        let [outputs, inputs] = self.size();
        let (b, t, _) = x.size3().expect("a batch of hidden states");
        let x = x.reshape([b * t, inputs]);
        let mut y = self.base(&x);
        if let Some(lora) = &self.adapter {
            lora.add(&mut y, &x, pass.train);
        }
        for group in pass.adapted {
            match (group.adapter.get(&self.name), &group.tokens) {
                (None, _) => {}
                (Some(lora), None) => lora.add(&mut y, &x, pass.train),
                (Some(lora), Some(tokens)) => {
                    let mut part = y.index_select(0, tokens);
                    lora.add(&mut part, &x.index_select(0, tokens), pass.train);
                    let _ = y.index_copy_(0, tokens, &part);
                }
            }
        }
        y.view([b, t, outputs])
    }

    /// The product with the base weight, plus the bias.
    fn base(&self, x: &Tensor) -> Tensor {
        let bias = self.bias.as_ref().map(|bias| bias.to_kind(x.kind()));
        self.matrix.multiply(x, bias.as_ref())
    }

    /// The layer's name in the model, such as `model.layers.0.self_attn.q_proj`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base weight, `[outputs, inputs]`: [`Matrix::weight`].
    pub fn weight(&self) -> Tensor {
        self.matrix.weight()
    }

    /// The base's tensors by name: the weight, and the bias if there is one. As [`Self::weight`], not copies.
    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        let weight = [(format!("{}.weight", self.name), self.weight())];
        let bias = self.bias.iter().map(|bias| (format!("{}.bias", self.name), bias.shallow_clone()));
        weight.into_iter().chain(bias).collect()
    }

    /// Outputs and inputs.
    pub fn size(&self) -> [i64; 2] {
        self.matrix.size()
    }

    /// The device that holds it.
    pub fn device(&self) -> Device {
        self.matrix.device()
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

    /// Adds a change to the base weight, in the weight's kind. Returns whether it could: only to a dense one, as a quantised
    /// one would be rounded twice.
    pub fn add_to_weight(&mut self, change: &Tensor) -> bool {
        match &mut self.matrix {
            Matrix::Dense(weight) => {
                tch::no_grad(|| *weight = &*weight + change.to_kind(weight.kind()));
                true
            }
            Matrix::Nf4(_) | Matrix::Blocks(_) => false,
        }
    }

    /// Lays the base weight out as [`Matrix::lay_out_in_blocks`] does.
    pub(super) fn lay_out_in_blocks(&mut self) {
        self.matrix.lay_out_in_blocks();
    }
}
