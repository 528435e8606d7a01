//! The second quantisation: the blocks' magnitudes in eight bits.

use tch::{Kind, Tensor};

use super::{levels, nearest, scale};

/// Magnitudes that share a scale.
const BLOCK: i64 = 256;

/// The blocks' magnitudes, less their mean, in blocks of 256 with a scale each.
pub struct Absmax {
    codes: Tensor,  // [magnitudes], u8
    scales: Tensor, // [magnitudes / 256, rounded up]
    levels: Tensor, // [256]
    offset: Tensor, // []
}

impl Absmax {
    /// Quantises magnitudes, `[n]`.
    pub(super) fn new(magnitudes: &Tensor) -> Self {
        let count = magnitudes.size()[0];
        let offset = magnitudes.mean(Kind::Float);
        let rows = fill(&(magnitudes - &offset)); // [blocks, 256]
        let scales = rows.abs().amax([-1].as_slice(), false);
        let levels = levels::dynamic(magnitudes.device());
        let codes = nearest(&scale(&rows, &scales), &levels).reshape([-1]).narrow(0, 0, count);
        // A copy: the part that was filled up is let go.
        Self { codes: codes.copy(), scales, levels, offset }
    }

    /// The magnitudes again, `[n]`.
    pub fn dequantise(&self) -> Tensor {
        let count = self.codes.size()[0];
        let rows = fill(&self.levels.index_select(0, &self.codes.to_kind(Kind::Int)));
        (rows * self.scales.unsqueeze(-1)).reshape([-1]).narrow(0, 0, count) + &self.offset
    }

    /// The codes, `[n]`, u8.
    pub fn codes(&self) -> &Tensor {
        &self.codes
    }
}

/// `[n]` as rows of 256, filled up with zeros.
fn fill(values: &Tensor) -> Tensor {
    let missing = -values.size()[0] & (BLOCK - 1);
    values.constant_pad_nd([0, missing]).reshape([-1, BLOCK])
}
