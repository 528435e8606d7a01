//! Cross-entropy of the tokens to learn, without ever holding all their logits.

use tch::{Device, Kind, Reduction, Tensor};

use crate::dataset::Sample;
use crate::model::Model;

/// Tokens whose logits are held at once: enough to keep a matrix product busy, and for the largest vocabulary
/// (151,936) 0.6 GB.
const CHUNK: i64 = 1024;

/// The tokens of a pass that are to be learnt, and where each is predicted: at the token before it.
pub struct Targets {
    places: Tensor, // [n], in the row
    tokens: Tensor, // [n]
}

impl Targets {
    /// Of samples that lie end to end in one row. A sample's first token is predicted nowhere.
    pub fn new(samples: &[Sample<'_>], device: Device) -> Self {
        let (mut places, mut tokens) = (vec![], vec![]);
        let mut start = 0;
        for sample in samples {
            for place in 1..sample.tokens.len() {
                if sample.targets[place] {
                    places.push(start + place as i64 - 1);
                    tokens.push(sample.tokens[place]);
                }
            }
            start += sample.tokens.len() as i64;
        }
        let tensor = |numbers: &[i64]| Tensor::from_slice(numbers).to_device(device);
        Self { places: tensor(&places), tokens: tensor(&tokens) }
    }

    /// How many tokens there are to learn.
    pub fn len(&self) -> i64 {
        self.tokens.size()[0]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sum of the tokens' losses, in nats: f64 `[]`. `hidden` is `[1, t, h]`.
    pub fn loss(&self, model: &Model, hidden: &Tensor) -> Tensor {
        let rows = self.rows(hidden);
        self.chunks(&rows).fold(zero(hidden.device()), |sum, (rows, tokens)| {
            sum + cross_entropy(model, &rows, &tokens).to_kind(Kind::Double)
        })
    }

    /// The same, and its gradient of `hidden`, times `scale`. Adds to the gradient of the head, where it is
    /// trained. A chunk's logits are gone before the next one's are made.
    pub fn backpropagate(&self, model: &Model, hidden: &Tensor, scale: f64) -> (Tensor, Tensor) {
        let rows = self.rows(hidden);
        let mut sum = zero(hidden.device());
        let mut gradients = vec![];
        for (rows, tokens) in self.chunks(&rows) {
            let rows = rows.detach().set_requires_grad(true);
            let loss = cross_entropy(model, &rows, &tokens);
            (&loss * scale).backward();
            sum += loss.detach().to_kind(Kind::Double);
            gradients.push(rows.grad());
        }
        let gradient = hidden.zeros_like();
        let _ =
            gradient.view([-1, hidden.size()[2]]).index_copy_(0, &self.places, &Tensor::cat(&gradients, 0));
        (sum, gradient)
    }

    /// The hidden states that predict, `[n, h]`.
    fn rows(&self, hidden: &Tensor) -> Tensor {
        hidden.view([-1, hidden.size()[2]]).index_select(0, &self.places)
    }

    fn chunks(&self, rows: &Tensor) -> impl Iterator<Item = (Tensor, Tensor)> + use<> {
        rows.split(CHUNK, 0).into_iter().zip(self.tokens.split(CHUNK, 0))
    }
}

/// The sum over rows `[n, h]` of the loss of the tokens `[n]`: f32 `[]`.
fn cross_entropy(model: &Model, rows: &Tensor, tokens: &Tensor) -> Tensor {
    let logits = model.logits(rows).to_kind(Kind::Float);
    logits.cross_entropy_loss(tokens, None::<Tensor>, Reduction::Sum, -100, 0.0)
}

fn zero(device: Device) -> Tensor {
    Tensor::zeros([0i64; 0], (Kind::Double, device))
}
