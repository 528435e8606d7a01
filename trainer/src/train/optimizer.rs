//! The step along the gradients, by AdamW or by Muon, and clipping by the formula of
//! `torch.nn.utils.clip_grad_norm_`.
//!
//! tch has libtorch's own AdamW, but not the way to save its state.

mod adamw;
mod muon;

use tch::{Kind, Tensor};

use self::adamw::AdamW;
use super::Config;
use super::config::OptimizerName;

/// A tensor that is trained.
pub struct Parameter {
    /// Its name in files.
    pub name: String,
    /// What the model computes with: f32, and the model's own.
    pub value: Tensor,
    /// The mean of its gradients, new ones weighing more.
    pub mean: Tensor,
    /// The mean of their squares; none: Muon's, which does without.
    pub mean_square: Option<Tensor>,
    decays: bool,
}

/// What trains the tensors: AdamW all of them, or Muon the layers' matrices and AdamW the rest.
pub struct Optimizer {
    parameters: Vec<Parameter>,
    adamw: AdamW,
    weight_decay: f64,
}

impl Optimizer {
    /// For these tensors, which are f32 and from now on require gradients. With AdamW norms do not decay, as in the
    /// Hugging Face `Trainer`; with Muon only its own matrices do.
    pub fn new(config: &Config, tensors: Vec<(String, Tensor)>) -> Self {
        let parameters = tensors.into_iter().map(|(name, value)| {
            let muon = config.optimizer == OptimizerName::Muon;
            let by_muon = muon && muon::trains(&name, &value);
            let decays = if muon { by_muon } else { !name.contains("norm") };
            let value = value.set_requires_grad(true);
            let zeros = || tch::no_grad(|| value.zeros_like());
            let (mean, mean_square) = (zeros(), (!by_muon).then(zeros));
            Parameter { name, value, mean, mean_square, decays }
        });
        Self {
            parameters: parameters.collect(),
            adamw: AdamW { betas: (config.adam_beta1, config.adam_beta2), epsilon: config.adam_epsilon },
            weight_decay: config.weight_decay,
        }
    }

    /// What is trained.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The length of all gradients together; where it is more than `longest`, they are shortened to that. 0: they
    /// are left as they are.
    pub fn clip(&self, longest: f64) -> f64 {
        tch::no_grad(|| {
            let gradients: Vec<Tensor> = self.gradients().collect();
            let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
            let norm = Tensor::stack(&norms, 0).norm().double_value(&[]);
            let factor = longest / (norm + 1e-6);
            if longest > 0.0 && factor < 1.0 {
                for mut gradient in gradients {
                    let _ = gradient.g_mul_scalar_(factor);
                }
            }
            norm
        })
    }

    /// A step along the gradients, which are then gone. `number` counts from one.
    pub fn step(&mut self, number: u64, learning_rate: f64) {
        tch::no_grad(|| {
            let learning = self.parameters.iter_mut().filter(|parameter| parameter.value.grad().defined());
            let (mut by_adamw, mut by_muon): (Vec<_>, Vec<_>) =
                learning.partition(|parameter| parameter.mean_square.is_some());
            let decaying = by_adamw.iter_mut().chain(&mut by_muon).filter(|parameter| parameter.decays);
            decaying.for_each(|parameter| {
                let _ = parameter.value.g_mul_scalar_(1.0 - learning_rate * self.weight_decay);
            });
            by_adamw.into_iter().for_each(|parameter| self.adamw.step(parameter, number, learning_rate));
            muon::step(by_muon, learning_rate);
            self.parameters.iter_mut().for_each(|parameter| parameter.value.zero_grad());
        });
    }

    /// The sum of all values' magnitudes: finite where all of them are.
    pub fn magnitude(&self) -> f64 {
        tch::no_grad(|| {
            let sums = self.parameters.iter().map(|parameter| parameter.value.abs().sum(Kind::Double));
            sums.map(|sum| sum.double_value(&[])).sum()
        })
    }

    fn gradients(&self) -> impl Iterator<Item = Tensor> {
        self.parameters.iter().map(|parameter| parameter.value.grad()).filter(Tensor::defined)
    }
}
