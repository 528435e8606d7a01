//! AdamW, by the formula of `torch.optim.AdamW`, and clipping by that of `torch.nn.utils.clip_grad_norm_`.
//!
//! tch has libtorch's own AdamW, but not the way to save its state.

use tch::{Kind, Tensor};

use super::Config;

/// A tensor that is trained.
pub struct Parameter {
    /// Its name in files.
    pub name: String,
    /// What the model computes with: f32, and the model's own.
    pub value: Tensor,
    /// The mean of its gradients.
    pub mean: Tensor,
    /// The mean of their squares.
    pub mean_square: Tensor,
    decays: bool,
}

/// AdamW.
pub struct AdamW {
    parameters: Vec<Parameter>,
    betas: (f64, f64),
    epsilon: f64,
    weight_decay: f64,
}

impl AdamW {
    /// For these tensors, which are f32 and from now on require gradients. Norms do not decay, as in the Hugging Face
    /// `Trainer`.
    pub fn new(config: &Config, tensors: Vec<(String, Tensor)>) -> Self {
        let parameters = tensors.into_iter().map(|(name, value)| {
            let decays = !name.contains("norm");
            let value = value.set_requires_grad(true);
            let (mean, mean_square) = tch::no_grad(|| (value.zeros_like(), value.zeros_like()));
            Parameter { name, value, mean, mean_square, decays }
        });
        Self {
            parameters: parameters.collect(),
            betas: (config.adam_beta1, config.adam_beta2),
            epsilon: config.adam_epsilon,
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
        let (beta1, beta2) = self.betas;
        let power = i32::try_from(number).unwrap_or(i32::MAX);
        let correction1 = 1.0 - beta1.powi(power);
        let correction2 = (1.0 - beta2.powi(power)).sqrt();
        tch::no_grad(|| {
            for parameter in &mut self.parameters {
                let gradient = parameter.value.grad();
                if !gradient.defined() {
                    continue;
                }
                if parameter.decays && self.weight_decay > 0.0 {
                    let _ = parameter.value.g_mul_scalar_(1.0 - learning_rate * self.weight_decay);
                }
                let _ = parameter.mean.lerp_(&gradient, 1.0 - beta1);
                let square = gradient.square() * (1.0 - beta2);
                let _ = parameter.mean_square.g_mul_scalar_(beta2).g_add_(&square);
                let root = parameter.mean_square.sqrt() / correction2 + self.epsilon;
                let change = &parameter.mean / root * (learning_rate / correction1);
                let _ = parameter.value.g_sub_(&change);
                parameter.value.zero_grad();
            }
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
