//! Optimizers: AdamW and Muon, and clipping by the formula of `torch.nn.utils.clip_grad_norm_`.
//!
//! tch offers libtorch's AdamW, but no way to save its state.

mod adamw;
mod muon;
mod parameter;

use tch::{Kind, Tensor};

use self::adamw::AdamW;
use super::Config;
use super::config::OptimizerName;

pub use parameter::Parameter;

/// The optimizer of all trained tensors: AdamW for all of them, or Muon for the matrices of layers and AdamW
/// for the rest.
pub struct Optimizer {
    parameters: Vec<Parameter>,
    adamw: AdamW,
    weight_decay: f64,
}

impl Optimizer {
    /// An optimizer of these tensors, which must be f32, and which require gradients from now on. With AdamW
    /// norms and biases do not decay, as in the Hugging Face `Trainer`; with Muon only its own matrices do.
    pub fn new(config: &Config, tensors: Vec<(String, Tensor)>) -> Self {
        let parameters = tensors.into_iter().map(|(name, value)| {
            let muon = config.optimizer == OptimizerName::Muon;
            let by_muon = muon && muon::trains(&name, &value);
            let decays = if muon { by_muon } else { !name.contains("norm") && !name.ends_with(".bias") };
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

    /// The trained tensors and their state.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The L2 norm of all gradients together. If it exceeds `max_norm`, the gradients are scaled down to it;
    /// 0: they are not clipped.
    pub fn clip(&self, max_norm: f64) -> f64 {
        tch::no_grad(|| {
            let gradients: Vec<Tensor> = self.gradients().collect();
            let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
            let norm = Tensor::stack(&norms, 0).norm().double_value(&[]);
            let factor = max_norm / (norm + 1e-6);
            if max_norm > 0.0 && factor < 1.0 {
                for mut gradient in gradients {
                    let _ = gradient.g_mul_scalar_(factor);
                }
            }
            norm
        })
    }

    /// Updates the tensors from their gradients, and clears these. `number` is the step, counted from one.
    pub fn step(&mut self, number: u64, learning_rate: f64) {
        tch::no_grad(|| {
            let with_gradient =
                self.parameters.iter_mut().filter(|parameter| parameter.value.grad().defined());
            let (mut by_adamw, mut by_muon): (Vec<_>, Vec<_>) =
                with_gradient.partition(|parameter| parameter.mean_square.is_some());
            let decaying = by_adamw.iter_mut().chain(&mut by_muon).filter(|parameter| parameter.decays);
            decaying.for_each(|parameter| {
                let _ = parameter.value.g_mul_scalar_(1.0 - learning_rate * self.weight_decay);
            });
            by_adamw.into_iter().for_each(|parameter| self.adamw.step(parameter, number, learning_rate));
            muon::step(by_muon, learning_rate);
            self.parameters.iter_mut().for_each(|parameter| parameter.value.zero_grad());
        });
    }

    /// The sum of the absolute values of all tensors: finite if and only if all values are.
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
