//! The values of codes.

use tch::{Device, Kind, Tensor};

/// Quantiles of the normal distribution, scaled to -1 to 1, with an exact zero (Dettmers et al., 2023).
const NF4: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// The sixteen levels of NF4, `[16]`.
pub fn nf4(device: Device) -> Tensor {
    Tensor::from_slice(&NF4).to_device(device)
}

/// The two levels of each byte, `[256, 2]`, of its high half first.
pub fn pairs(levels: &Tensor) -> Tensor {
    let high = levels.unsqueeze(1).expand([16, 16], false);
    let low = levels.unsqueeze(0).expand([16, 16], false);
    Tensor::stack(&[high, low], -1).reshape([256, 2])
}

/// The 256 levels of bitsandbytes' signed dynamic map, ascending: seven decades, each with twice as many
/// evenly spaced levels as the one below it, plus zero and one.
pub fn dynamic(device: Device) -> Tensor {
    let mut parts = vec![Tensor::from_slice(&[0f32, 1.0])];
    for decade in 0..7 {
        let count = 1 << decade;
        let edges = Tensor::linspace(0.1, 1.0, count + 1, (Kind::Float, Device::Cpu));
        let midpoints = (edges.narrow(0, 0, count) + edges.narrow(0, 1, count)) / 2;
        let levels = midpoints * 10f64.powi(decade - 6);
        parts.push(-&levels);
        parts.push(levels);
    }
    Tensor::cat(&parts, 0).sort(0, false).0.to_device(device)
}
