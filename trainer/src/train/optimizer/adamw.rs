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
        let _ = mean_square.lerp_(&gradient.square(), 1.0 - beta2);
        let root = mean_square.sqrt().g_div_scalar_(correction2).g_add_scalar_(self.epsilon);
        let _ = parameter.value.addcdiv_(&(&parameter.mean * (-learning_rate / correction1)), &root);
    }
}
