//! The backward pass, with or without gradient checkpointing.

use tch::Tensor;

use super::layer::Layer;
use super::pass::Pass;
use super::{Batch, Model};
use crate::lora;

/// Options of a backward pass.
#[derive(Clone, Copy, Debug)]
pub struct Backward {
    /// Seed of dropout: the same seed drops the same inputs.
    pub seed: i64,
    /// Whether a layer keeps only its input and recomputes its activations in the backward pass: more work,
    /// but activations of one layer instead of all. Quantised matrices are then dense for one layer at a
    /// time, too.
    pub checkpointing: bool,
}

impl Model {
    /// The trained tensors by their names in files: the adapter's weights if there is an adapter, otherwise
    /// the model's own. These are the tensors themselves, not copies.
    pub fn trained(&self) -> Vec<(String, Tensor)> {
        match lora::tensors(self) {
            adapter if !adapter.is_empty() => adapter,
            _ => self.tensors(),
        }
    }

    /// Runs the model forwards and backwards, and adds to the gradients of all tensors that require them.
    /// `head` receives the hidden states, `[b, t, h]`, and returns the gradient of the loss with respect to
    /// them, of the same shape.
    pub fn backpropagate(&self, batch: &Batch, how: Backward, head: impl FnOnce(&Tensor) -> Tensor) {
        let pass = self.pass(batch, true);
        let run = |number: usize, x: &Tensor| run(&self.layers[number], number, x, &pass, how.seed);
        let count = self.layers.len();
        if !how.checkpointing {
            let x = (0..count).fold(self.embed(&batch.tokens), |x, number| run(number, &x));
            let hidden = self.norm.forward(&x);
            backward(&hidden, &head(&hidden.detach()));
            return;
        }

        // 1. Forwards, keeping the input of each layer.
        let mut inputs = vec![tch::no_grad(|| self.embed(&batch.tokens))];
        for number in 0..count {
            inputs.push(tch::no_grad(|| run(number, &inputs[number])));
        }

        // 2. Backwards, from the last norm to the embedding.
        let embedding_learns = self.embedding.requires_grad();
        let x = inputs.pop().map(leaf).expect("as many inputs as layers, and the norm's");
        let hidden = self.norm.forward(&x);
        backward(&hidden, &head(&hidden.detach()));
        let mut gradient = x.grad();
        for (number, x) in inputs.into_iter().enumerate().rev() {
            let x = if number > 0 || embedding_learns { leaf(x) } else { x };
            backward(&run(number, &x), &gradient);
            if x.requires_grad() {
                gradient = x.grad();
            }
        }
        if embedding_learns {
            backward(&self.embed(&batch.tokens), &gradient);
        }
    }

    /// The gradient of a loss with respect to the `hidden` states of some tokens, `[n, h]`. `slopes`, `[n, vocabulary]`, times
    /// `factors`, `[n, 1]`, is its gradient with respect to their logits. Also adds to the gradient of the head, if it is
    /// trained.
    pub fn backpropagate_logits(&self, hidden: &Tensor, slopes: &Tensor, factors: &Tensor) -> Tensor {
        let (head, kind) = (self.head(), hidden.kind());
        let slopes = slopes.to_kind(kind);
        if head.requires_grad() {
            let gradient = tch::no_grad(|| slopes.tr().matmul(&(hidden * factors).to_kind(kind)));
            backward(&head, &gradient.to_kind(head.kind()));
        }
        tch::no_grad(|| (slopes.matmul(&head.to_kind(kind)) * factors).to_kind(kind))
    }
}

/// The output of a layer. Dropout draws from libtorch's generator, which is seeded first so that recomputing
/// the layer draws the same values.
fn run(layer: &Layer, number: usize, x: &Tensor, pass: &Pass<'_>, seed: i64) -> Tensor {
    tch::manual_seed(seed.wrapping_add(number as i64));
    layer.forward(x, pass)
}

/// The same values as a leaf of a new autograd graph that requires a gradient.
fn leaf(x: Tensor) -> Tensor {
    x.detach().set_requires_grad(true)
}

/// Runs backwards from `y`, given the gradient of the loss with respect to it. (tch offers this for scalars
/// only.)
fn backward(y: &Tensor, gradient: &Tensor) {
    (y * gradient).sum(y.kind()).backward();
}
