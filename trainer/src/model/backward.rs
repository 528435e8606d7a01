//! The backward pass, with or without keeping what the layers computed on the way.

use tch::Tensor;

use super::layer::Layer;
use super::qwen3::Pass;
use super::{Batch, Model};
use crate::lora;

/// How a model is run backwards.
#[derive(Clone, Copy, Debug)]
pub struct Backward {
    /// Of dropout: the same seed leaves out the same inputs.
    pub seed: i64,
    /// Whether a layer keeps only its input and computes the rest again when its gradients are wanted: more work,
    /// and memory for one layer instead of all. A quantised matrix, too, is then dense for one layer at a time.
    pub checkpointing: bool,
}

impl Model {
    /// What training changes, by the names that files give them: the adapter's weights if there is an adapter, or
    /// else the model's own. They are the tensors themselves, not copies.
    pub fn trained(&self) -> Vec<(String, Tensor)> {
        match lora::tensors(self) {
            adapter if !adapter.is_empty() => adapter,
            _ => self.tensors(),
        }
    }

    /// Runs the model and then backwards, adding to the gradients of all that requires them. `head` is given the
    /// hidden states, `[b, t, h]`, and answers with the loss's gradient of them, of the same shape.
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

        // 1. Forwards, keeping each layer's input.
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
}

/// A layer's output. Dropout draws from libtorch's generator, which is set first, so that a second run draws the
/// same.
fn run(layer: &Layer, number: usize, x: &Tensor, pass: &Pass<'_>, seed: i64) -> Tensor {
    tch::manual_seed(seed.wrapping_add(number as i64));
    layer.forward(x, pass)
}

/// The same values, of which a gradient is wanted and which know nothing of where they came from.
fn leaf(x: Tensor) -> Tensor {
    x.detach().set_requires_grad(true)
}

/// Backwards from `y`, given the loss's gradient of it. (tch offers this for scalars only.)
fn backward(y: &Tensor, gradient: &Tensor) {
    (y * gradient).sum(y.kind()).backward();
}
