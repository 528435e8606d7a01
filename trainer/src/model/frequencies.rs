//! The frequencies of rotary positions, plain or scaled for long contexts, by the formulas of transformers'
//! `modeling_rope_utils.py`.

use std::f64::consts::TAU;

use tch::{Device, Kind, Tensor};

use super::Config;
use super::config::{Llama3, RopeScaling, Yarn};

/// By how much the angle of each pair of dimensions grows from one position to the next.
pub struct Frequencies {
    /// In radians, `[d / 2]`, f32.
    pub radians: Tensor,
    /// The factor of cosines and sines.
    pub attention_factor: f64,
}

impl Frequencies {
    /// The frequencies of a model that is on this device. They are computed on the CPU, so that they are the same
    /// everywhere.
    pub fn new(config: &Config, device: Device) -> Self {
        let options = (Kind::Float, Device::Cpu);
        let exponents = Tensor::arange_start_step(0, config.head_dim, 2, options) / config.head_dim as f64;
        let inverse = Tensor::pow_scalar(config.rope_theta, &exponents);
        let (radians, attention_factor) = match &config.rope_scaling {
            None => (inverse.reciprocal(), 1.0),
            Some(RopeScaling::Llama3(scaling)) => (llama3(&inverse.reciprocal(), scaling), 1.0),
            Some(RopeScaling::Yarn(scaling)) => (yarn(&inverse, config, scaling), scaling.attention_factor),
        };
        Self { radians: radians.to_device(device), attention_factor }
    }
}

/// Low frequencies are divided by the factor, high ones kept, and those between interpolated by the number of turns
/// within the original context.
fn llama3(plain: &Tensor, scaling: &Llama3) -> Tensor {
    let context = scaling.original_max_position_embeddings as f64;
    let (low, high) = (scaling.low_freq_factor, scaling.high_freq_factor);
    let wavelengths = plain.reciprocal() * TAU; // in tokens
    let divided = plain / scaling.factor;
    let share = (wavelengths.reciprocal() * context - low) / (high - low);
    let mixed = (1.0 - &share) * plain / scaling.factor + &share * plain;
    let is_low = wavelengths.gt(context / low);
    let is_high = wavelengths.lt(context / high);
    divided.where_self(&is_low, &plain.where_self(&is_high, &mixed))
}

/// As [`llama3`], but the interpolation is linear in the number of the dimension. `inverse` are the reciprocals of the
/// plain frequencies.
fn yarn(inverse: &Tensor, config: &Config, scaling: &Yarn) -> Tensor {
    let d = config.head_dim as f64;
    let context = scaling.original_max_position_embeddings as f64;
    // The dimension whose angle turns round this many times within the original context.
    let dimension = |turns: f64| d * (context / (turns * TAU)).ln() / (2.0 * config.rope_theta.ln());
    let (first, last) = (dimension(scaling.beta_fast), dimension(scaling.beta_slow));
    let (first, last) = if scaling.truncate { (first.floor(), last.ceil()) } else { (first, last) };
    let (first, last) = (first.max(0.0), last.min(d - 1.0));
    let width = if first == last { 0.001 } else { last - first };
    let numbers = Tensor::arange(config.head_dim / 2, (Kind::Float, inverse.device()));
    let kept = 1.0 - ((numbers - first) / width).clamp(0.0, 1.0);
    let divided = (inverse * scaling.factor).reciprocal();
    divided * (1.0 - &kept) + inverse.reciprocal() * &kept
}
