//! Double quantisation: the largest absolute values of blocks, in eight bits.

use tch::{Kind, Tensor};

use super::{levels, nearest, scale};

/// Values that share a scale.
const BLOCK: i64 = 256;

/// The largest absolute values of blocks, minus their mean, in blocks of 256 with one scale each.
pub struct Absmax {
    codes: Tensor,  // [magnitudes], u8
    scales: Tensor, // [magnitudes / 256, rounded up]
    levels: Tensor, // [256]
    offset: Tensor, // []
}

impl Absmax {
    /// Quantises values, `[n]`.
    pub(super) fn new(magnitudes: &Tensor) -> Self {
        let count = magnitudes.size()[0];
        let offset = magnitudes.mean(Kind::Float);
        let rows = pad(&(magnitudes - &offset)); // [blocks, 256]
        let scales = rows.abs().amax([-1].as_slice(), false);
        let levels = levels::dynamic(magnitudes.device());
        let codes = nearest(&scale(&rows, &scales), &levels).reshape([-1]).narrow(0, 0, count);
        // A copy, which frees the padding.
        Self { codes: codes.copy(), scales, levels, offset }
    }

    /// The dequantised values, `[n]`.
    pub fn dequantise(&self) -> Tensor {
        let count = self.codes.size()[0];
        let rows = pad(&self.levels.index_select(0, &self.codes.to_kind(Kind::Int)));
        (rows * self.scales.unsqueeze(-1)).reshape([-1]).narrow(0, 0, count) + &self.offset
    }

    /// Codes, scales, levels, and what is added to all values.
    pub(super) fn parts(&self) -> [&Tensor; 4] {
        [&self.codes, &self.scales, &self.levels, &self.offset]
    }

    /// The codes, `[n]`, u8.
    pub fn codes(&self) -> &Tensor {
        &self.codes
    }
}

/// `[n]` as rows of 256, padded with zeros.
fn pad(values: &Tensor) -> Tensor {
    let missing = -values.size()[0] & (BLOCK - 1);
    values.constant_pad_nd([0, missing]).reshape([-1, BLOCK])
}
