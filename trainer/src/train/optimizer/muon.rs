//! Muon (<https://kellerjordan.github.io/posts/muon/>): momentum whose singular values are all made
//! approximately one. By the formula of `torch.optim.Muon` with `adjust_lr_fn="match_rms_adamw"`, which gives
//! steps the size of AdamW's, so that one learning rate serves both (<https://arxiv.org/abs/2502.16982>).
//!
//! torch orthogonalises in bf16. This does so on a GPU; on a CPU it uses f32, which is more exact and also
//! faster for matrices of this size. Matrices of the same shape are computed in one batch.

use std::collections::BTreeMap;

use tch::{Device, Kind, Tensor};

use super::parameter::Parameter;

/// Decay rate of the mean of gradients.
const MOMENTUM: f64 = 0.95;
/// Coefficients of the quintic polynomial that moves singular values towards one.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];
/// Number of times that it is applied.
const ITERATIONS: usize = 5;
/// The smallest divisor of a normalisation.
const EPSILON: f64 = 1e-7;
/// Most elements of a batch of matrices: enough to keep matrix products efficient, and little memory compared
/// to a model.
const STACKED: i64 = 1 << 24;

/// Whether Muon trains this tensor: the matrices of layers and of their adapters, but not embedding and head.
pub fn trains(name: &str, value: &Tensor) -> bool {
    value.dim() == 2 && name.contains(".layers.")
}

/// Updates matrices from their gradients.
pub fn step(parameters: Vec<&mut Parameter>, learning_rate: f64) {
    let mut by_shape: BTreeMap<(i64, i64), Vec<_>> = BTreeMap::new();
    for parameter in parameters {
        let (rows, columns) = parameter.value.size2().expect("a matrix");
        by_shape.entry((rows.min(columns), rows.max(columns))).or_default().push(parameter);
    }
    for ((short, long), alike) in &mut by_shape {
        let step_size = learning_rate * 0.2 * (*long as f64).sqrt();
        let at_once = (STACKED / (*short * *long)).max(1) as usize;
        for parameters in alike.chunks_mut(at_once) {
            let directions: Vec<Tensor> = parameters.iter_mut().map(|one| wide(&direction(one))).collect();
            let directions = orthogonal(&Tensor::stack(&directions, 0)) * step_size;
            for (parameter, direction) in parameters.iter_mut().zip(directions.unbind(0)) {
                let direction = if is_tall(&parameter.value) { direction.tr() } else { direction };
                let _ = parameter.value.g_sub_(&direction);
            }
        }
    }
}

/// Updates the mean of the gradients; returns the direction by Nesterov's momentum.
fn direction(parameter: &mut Parameter) -> Tensor {
    let gradient = parameter.value.grad();
    let _ = parameter.mean.lerp_(&gradient, 1.0 - MOMENTUM);
    gradient.lerp(&parameter.mean, MOMENTUM)
}

fn is_tall(matrix: &Tensor) -> bool {
    matrix.size()[0] > matrix.size()[1]
}

/// The matrix, transposed if it has more rows than columns.
fn wide(matrix: &Tensor) -> Tensor {
    if is_tall(matrix) { matrix.tr() } else { matrix.shallow_clone() }
}

/// Orthogonalises matrices `[n, rows, columns]` by Newton-Schulz iteration: the singular vectors are kept,
/// the singular values become about 0.7 to 1.2. A zero matrix stays zero.
fn orthogonal(matrices: &Tensor) -> Tensor {
    let kind = if matrices.device() == Device::Cpu { Kind::Float } else { Kind::BFloat16 };
    let [a, b, c] = COEFFICIENTS;
    let norms = matrices.norm_scalaropt_dim(2, [1, 2], true).clamp_min(EPSILON);
    let mut x = (matrices / norms).to_kind(kind);
    for _ in 0..ITERATIONS {
        let gram = x.bmm(&x.mt());
        let polynomial = gram.baddbmm(&gram, &gram, b, c);
        x = x.baddbmm(&polynomial, &x, a, 1.0);
    }
    x.to_kind(Kind::Float)
}
