//! Losses of the target tokens, without holding all of their logits at once: cross-entropy, or any other one of their
//! log-probabilities.

use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::dataset::Sample;
use crate::model::Model;

/// Tokens whose logits are held at once: enough for an efficient matrix product; 0.6 GB in f32 for Qwen3's
/// vocabulary of 151,936.
const CHUNK: i64 = 1024;

/// The target tokens of a pass, and the positions where they are predicted: those of the tokens before them.
pub struct Targets {
    positions: Tensor, // [n], in the row
    tokens: Tensor,    // [n]
}

impl Targets {
    /// The targets of samples that are concatenated in one row. The first token of a sample is never
    /// predicted.
    pub fn new(samples: &[Sample<'_>], device: Device) -> Self {
        let (mut positions, mut tokens) = (vec![], vec![]);
        let mut start = 0;
        for sample in samples {
            for position in 1..sample.tokens.len() {
                if sample.targets[position] {
                    positions.push(start + position as i64 - 1);
                    tokens.push(sample.tokens[position]);
                }
            }
            start += sample.tokens.len() as i64;
        }
        let tensor = |numbers: &[i64]| Tensor::from_slice(numbers).to_device(device);
        Self { positions: tensor(&positions), tokens: tensor(&tokens) }
    }

    /// The number of target tokens.
    pub fn len(&self) -> i64 {
        self.tokens.size()[0]
    }

    /// Whether there are no targets.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of the losses of the targets, in nats: f64 `[]`. `hidden` is `[1, t, h]`.
    pub fn loss(&self, model: &Model, hidden: &Tensor) -> Tensor {
        -self.logprobs(model, hidden, 1.0).sum(Kind::Double)
    }

    /// The sum of the losses, and the gradient of that sum times `scale` with respect to `hidden`. Also adds
    /// to the gradient of the head, if it is trained.
    pub fn backpropagate(&self, model: &Model, hidden: &Tensor, scale: f64) -> (Tensor, Tensor) {
        let mut sum = Tensor::zeros([0i64; 0], (Kind::Double, hidden.device()));
        let gradient = self.backpropagate_logprobs(model, hidden, 1.0, |logprobs, _| {
            let loss = -logprobs.sum(Kind::Double);
            sum += loss.detach();
            loss * scale
        });
        (sum, gradient)
    }

    /// The gradient of a loss with respect to `hidden`; also adds to the gradient of the head, if it is trained. `loss` gets the
    /// log-probabilities of some targets, f32 `[n]`, and which of the targets these are; it returns their part of the loss, a
    /// scalar. The logits are divided by `temperature`, so the probabilities are those of draws under it. The logits of a
    /// chunk are freed before those of the next are computed.
    pub fn backpropagate_logprobs(
        &self,
        model: &Model,
        hidden: &Tensor,
        temperature: f64,
        mut loss: impl FnMut(&Tensor, Range<usize>) -> Tensor,
    ) -> Tensor {
        let rows = self.rows(hidden);
        let mut gradients = vec![];
        let mut start = 0;
        for (rows, tokens) in self.chunks(&rows) {
            // 1. The loss, and its gradient with respect to the log-probabilities of the targets.
            let mut all = tch::no_grad(|| log_softmax(model, &rows, temperature)); // [n, vocabulary]
            let logprobs = of_tokens(&all, &tokens).set_requires_grad(true);
            let end = start + tokens.numel();
            loss(&logprobs, start..end).backward();
            start = end;

            // 2. With respect to the logits: d log p(target) / d logit = ([it is the target's] - p) / temperature.
            let slopes = tch::no_grad(|| {
                let tokens = tokens.unsqueeze(1);
                all.exp_().scatter_add_(1, &tokens, &Tensor::full_like(&tokens, -1).to_kind(all.kind()))
            });
            let factors = logprobs.grad().unsqueeze(1) / -temperature;
            gradients.push(model.backpropagate_logits(&rows, &slopes, &factors));
        }
        let gradient = hidden.zeros_like();
        let _ = gradient.view([-1, hidden.size()[2]]).index_copy_(
            0,
            &self.positions,
            &Tensor::cat(&gradients, 0),
        );
        gradient
    }

    /// The log-probabilities of all targets, f32 `[n]`, as in [`Self::backpropagate_logprobs`].
    pub fn logprobs(&self, model: &Model, hidden: &Tensor, temperature: f64) -> Tensor {
        let rows = self.rows(hidden);
        let parts: Vec<Tensor> = self
            .chunks(&rows)
            .map(|(rows, tokens)| of_tokens(&log_softmax(model, &rows, temperature), &tokens))
            .collect();
        Tensor::cat(&parts, 0)
    }

    /// The hidden states that predict the targets, `[n, h]`.
    fn rows(&self, hidden: &Tensor) -> Tensor {
        hidden.view([-1, hidden.size()[2]]).index_select(0, &self.positions)
    }

    fn chunks(&self, rows: &Tensor) -> impl Iterator<Item = (Tensor, Tensor)> + use<> {
        rows.split(CHUNK, 0).into_iter().zip(self.tokens.split(CHUNK, 0))
    }
}

/// The log-probabilities of all tokens after rows `[n, h]`, under a temperature: f32 `[n, vocabulary]`.
fn log_softmax(model: &Model, rows: &Tensor, temperature: f64) -> Tensor {
    let logits = model.logits(rows).to_kind(Kind::Float);
    let logits = if temperature == 1.0 { logits } else { logits / temperature };
    logits.log_softmax(-1, Kind::Float)
}

/// Those of tokens `[n]`, each of its row: `[n]`.
fn of_tokens(logprobs: &Tensor, tokens: &Tensor) -> Tensor {
    logprobs.gather(1, &tokens.unsqueeze(1), false).squeeze_dim(1)
}
