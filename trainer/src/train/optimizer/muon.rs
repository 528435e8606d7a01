//! Muon (<https://kellerjordan.github.io/posts/muon/>): the mean of a matrix's gradients, with all its singular values
//! made about one. By the formula of `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, by which a step has
//! the size of one of AdamW's, so one learning rate serves both (<https://arxiv.org/abs/2502.16982>).
//!
//! torch computes the singular values in bf16. So does this on a GPU; on a CPU it takes f32, which is more exact, and
//! faster there: these matrices are small. All of one shape are computed at once.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::Parameter;

/// What is kept of the mean at a step.
const MOMENTUM: f64 = 0.95;
/// Of the quintic that takes singular values towards one.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
/// How often it is applied.
const ITERATIONS: usize = 5;
/// The smallest length that is divided by.
const EPSILON: f64 = 1e-7;
/// Numbers that are stacked at most: enough for the matrix products, and little beside a large model.
const STACKED: i64 = 1 << 24;

/// Whether it trains this tensor: the matrices of layers, and those of adapters to them, not the embedding and the
/// head.
pub fn trains(name: &str, value: &Tensor) -> bool {
    value.dim() == 2 && name.contains(".layers.")
}

/// A step along the gradients of matrices.
pub fn step(parameters: Vec<&mut Parameter>, learning_rate: f64) {
    let mut by_shape: BTreeMap<(i64, i64), Vec<_>> = BTreeMap::new();
    for parameter in parameters {
        let (rows, columns) = parameter.value.size2().expect("a matrix");
        by_shape.entry((rows.min(columns), rows.max(columns))).or_default().push(parameter);
    }
    for ((short, long), alike) in &mut by_shape {
        let length = learning_rate * 0.2 * (*long as f64).sqrt();
        let at_once = (STACKED / (*short * *long)).max(1) as usize;
        for parameters in alike.chunks_mut(at_once) {
            let directions: Vec<Tensor> = parameters.iter_mut().map(|one| wide(&direction(one))).collect();
            let directions = orthogonal(&Tensor::stack(&directions, 0)) * length;
            for (parameter, direction) in parameters.iter_mut().zip(directions.unbind(0)) {
                let direction = if is_tall(&parameter.value) { direction.tr() } else { direction };
                let _ = parameter.value.g_sub_(&direction);
            }
        }
    }
}

/// Takes the gradient into the mean; a step of Nesterov's from there.
fn direction(parameter: &mut Parameter) -> Tensor {
    let gradient = parameter.value.grad();
    let _ = parameter.mean.lerp_(&gradient, 1.0 - MOMENTUM);
    gradient.lerp(&parameter.mean, MOMENTUM)
}

fn is_tall(matrix: &Tensor) -> bool {
    matrix.size()[0] > matrix.size()[1]
}

/// A matrix with no more rows than columns.
fn wide(matrix: &Tensor) -> Tensor {
    if is_tall(matrix) { matrix.tr() } else { matrix.shallow_clone() }
}

/// Matrices `[n, rows, columns]` with the same singular vectors, whose values are from 0.7 to 1.2: Newton and Schulz's
/// iteration. One of nothing but zeros stays so.
fn orthogonal(matrices: &Tensor) -> Tensor {
    let kind = if matrices.device() == Device::Cpu { Kind::Float } else { Kind::BFloat16 };
    let [a, b, c] = COEFFICIENTS;
    let lengths = matrices.norm_scalaropt_dim(2, [1, 2], true).clamp_min(EPSILON);
    let mut x = (matrices / lengths).to_kind(kind);
    for _ in 0..ITERATIONS {
        let gram = x.bmm(&x.mt());
        let polynomial = gram.baddbmm(&gram, &gram, b, c);
        x = x.baddbmm(&polynomial, &x, a, 1.0);
    }
    x.to_kind(Kind::Float)
}
