//! NF4 with double quantisation: weights in four bits, as bitsandbytes stores them.
//!
//! A weight is flattened into blocks of 64. Each block is divided by its largest magnitude, and each element
//! becomes the index of the nearest of sixteen levels; two indices share a byte. The magnitudes are quantised
//! in turn ([`Absmax`]). Half a byte an element, plus 0.127 bits for its block.

mod absmax;
mod levels;

use tch::{Kind, Tensor};

use crate::{Error, Result};

pub use absmax::Absmax;

/// Elements that share a magnitude.
pub const BLOCK: i64 = 64;

/// Below this a block counts as zero; division by it stays finite.
const TINY: f64 = 1e-38;

/// A quantised weight.
pub struct Quantised {
    codes: Tensor, // [elements / 2], u8: the first of two in the high half
    absmax: Absmax,
    pairs: Tensor, // [256, 2]: the two levels that each byte stands for
    size: [i64; 2],
    kind: Kind,
}

impl Quantised {
    /// Quantises a matrix, whose number of elements must be a multiple of 64; `name` is for the error.
    pub fn new(name: &str, weight: &Tensor) -> Result<Self> {
        if weight.numel() as i64 % BLOCK != 0 {
            let problem = "cannot be quantised: its number of elements is not a multiple of 64";
            return Err(Error::Linear { name: name.to_owned(), problem });
        }
        let (rows, columns) = weight.size2().expect("a matrix");
        tch::no_grad(|| {
            let blocks = weight.to_kind(Kind::Float).reshape([-1, BLOCK]); // [blocks, 64]
            let absmax = blocks.abs().amax([-1].as_slice(), false); // [blocks]
            let scaled = scale(&blocks, &absmax).reshape([-1, 2]);
            let levels = levels::nf4(weight.device());
            let codes = nearest(&scaled, &levels); // [elements / 2, 2]
            Ok(Self {
                codes: codes.select(1, 0) * 16 + codes.select(1, 1),
                absmax: Absmax::new(&absmax),
                pairs: levels::pairs(&levels),
                size: [rows, columns],
                kind: weight.kind(),
            })
        })
    }

    /// The weight again, but for what rounding took: of the size and kind that it had.
    pub fn dequantise(&self) -> Tensor {
        tch::no_grad(|| {
            let levels = self.pairs.index_select(0, &self.codes.to_kind(Kind::Int)); // [elements / 2, 2]
            let weight = levels.reshape([-1, BLOCK]) * self.absmax.dequantise().unsqueeze(-1);
            weight.reshape(self.size).to_kind(self.kind)
        })
    }

    /// Rows and columns.
    pub fn size(&self) -> [i64; 2] {
        self.size
    }

    /// The packed codes, `[elements / 2]`, u8.
    pub fn codes(&self) -> &Tensor {
        &self.codes
    }

    /// The blocks' magnitudes.
    pub fn absmax(&self) -> &Absmax {
        &self.absmax
    }
}

/// Divides each row by its magnitude, into -1 to 1. By way of the reciprocal, as bitsandbytes does: a quotient
/// may round otherwise.
fn scale(rows: &Tensor, magnitudes: &Tensor) -> Tensor {
    (rows * magnitudes.clamp_min(TINY).reciprocal().unsqueeze(-1)).clamp(-1, 1)
}

/// The index of the nearest level, u8; `levels` are in order. Half-way goes down.
fn nearest(values: &Tensor, levels: &Tensor) -> Tensor {
    let count = levels.size()[0];
    let middles = (levels.narrow(0, 0, count - 1) + levels.narrow(0, 1, count - 1)) / 2;
    values.bucketize(&middles, true, false).to_kind(Kind::Uint8)
}
