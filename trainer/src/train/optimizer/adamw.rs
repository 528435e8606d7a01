//! AdamW, by the formula of `torch.optim.AdamW`.

use super::parameter::Parameter;

/// AdamW's hyperparameters.
pub struct AdamW {
    /// Decay rates of the first-moment and the second-moment estimate.
    pub betas: (f64, f64),
    /// Added to the root of the second-moment estimate.
    pub epsilon: f64,
}

impl AdamW {
    /// Updates a parameter from its gradient. `number` is the step, counted from one.
    pub fn step(&self, parameter: &mut Parameter, number: u64, learning_rate: f64) {
        let Some(mean_square) = &mut parameter.mean_square else { return };
        let (beta1, beta2) = self.betas;
        let power = i32::try_from(number).unwrap_or(i32::MAX);
        let correction1 = 1.0 - beta1.powi(power);
        let correction2 = (1.0 - beta2.powi(power)).sqrt();
        let gradient = parameter.value.grad();
        let _ = parameter.mean.lerp_(&gradient, 1.0 - beta1);
        let square = gradient.square() * (1.0 - beta2);
        let _ = mean_square.g_mul_scalar_(beta2).g_add_(&square);
        let root = mean_square.sqrt() / correction2 + self.epsilon;
        let change = &parameter.mean / root * (learning_rate / correction1);
        let _ = parameter.value.g_sub_(&change);
    }
}
