//! A matrix of a layer: dense or quantised, with or without an adapter.

use tch::{Device, Tensor};

use super::qwen3::Pass;
use crate::lora::{Adapter, Lora};
use crate::{Error, Result, nf4};

/// The base's weight, `[outputs, inputs]`.
pub enum Matrix {
    /// As it was stored.
    Dense(Tensor),
    /// In four bits.
    Nf4(nf4::Quantised),
}

/// Rows of a batch that share an adapter.
pub struct Adapted<'a> {
    /// What they share.
    pub adapter: &'a Adapter,
    /// Which rows; none: all.
    pub rows: Option<Tensor>,
}

/// `y = x W^T`, plus what the adapter adds.
pub struct Linear {
    name: String,
    matrix: Matrix,
    adapter: Option<Lora>,
}

impl Linear {
    pub(super) fn new(name: &str, matrix: Matrix) -> Self {
        Self { name: name.to_owned(), matrix, adapter: None }
    }

    /// `[b, .., inputs]` to `[b, .., outputs]`: with the adapter that it carries for all rows, then with those that
    /// the pass chose for some.
    pub(super) fn forward(&self, x: &Tensor, pass: &Pass<'_>) -> Tensor {
        let y = x.linear(&self.weight().to_kind(x.kind()), None::<Tensor>);
        let y = match &self.adapter {
            None => y,
            Some(lora) => adapt(&y, x, lora, pass.train),
        };
        pass.adapted.iter().fold(y, |mut y, group| match (group.adapter.get(&self.name), &group.rows) {
            (None, _) => y,
            (Some(lora), None) => adapt(&y, x, lora, pass.train),
            (Some(lora), Some(rows)) => {
                let part = |all: &Tensor| all.index_select(0, rows);
                y.index_copy_(0, rows, &adapt(&part(&y), &part(x), lora, pass.train))
            }
        })
    }

    /// The layer's name in the model, as in `model.layers.0.self_attn.q_proj`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The base's weight, `[outputs, inputs]`; made anew each time where it is quantised. Autograd keeps it until
    /// the backward pass, so training in four bits wants checkpointing by layer.
    pub fn weight(&self) -> Tensor {
        match &self.matrix {
            Matrix::Dense(weight) => weight.shallow_clone(),
            Matrix::Nf4(quantised) => quantised.dequantise(),
        }
    }

    /// Outputs and inputs.
    pub fn size(&self) -> [i64; 2] {
        match &self.matrix {
            Matrix::Dense(weight) => weight.size2().map(Into::into).expect("a matrix"),
            Matrix::Nf4(quantised) => quantised.size(),
        }
    }

    /// Where it is.
    pub fn device(&self) -> Device {
        match &self.matrix {
            Matrix::Dense(weight) => weight.device(),
            Matrix::Nf4(quantised) => quantised.codes().device(),
        }
    }

    /// The base's weight as it is held.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The adapter, if one is attached.
    pub fn adapter(&self) -> Option<&Lora> {
        self.adapter.as_ref()
    }

    /// Attaches an adapter, or takes it off.
    pub fn set_adapter(&mut self, adapter: Option<Lora>) {
        self.adapter = adapter;
    }

    /// Adds the adapter to the weight and takes it off. A quantised weight would be rounded twice: refused.
    pub fn merge(&mut self) -> Result<()> {
        match (&mut self.matrix, &self.adapter) {
            (_, None) => Ok(()),
            (Matrix::Dense(weight), Some(lora)) => {
                tch::no_grad(|| *weight = &*weight + lora.delta().to_kind(weight.kind()));
                self.adapter = None;
                Ok(())
            }
            (Matrix::Nf4(_), Some(_)) => {
                let problem = "is quantised: load the base in full precision to merge";
                Err(Error::Linear { name: self.name.clone(), problem })
            }
        }
    }
}

/// Adds in f32, rounds once.
fn adapt(y: &Tensor, x: &Tensor, lora: &Lora, train: bool) -> Tensor {
    (y + lora.forward(x, train)).to_kind(y.kind())
}
