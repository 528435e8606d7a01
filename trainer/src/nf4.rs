//! NF4 with double quantisation: weights in four bits, as bitsandbytes stores them.
//!
//! A weight is flattened into blocks of 64. Each block is divided by its largest absolute value, and each
//! element is replaced by the index of the nearest of sixteen levels; two indices share a byte. The largest
//! absolute values are quantised, too ([`Absmax`]). This takes half a byte per element, plus 0.127 bits for
//! its block.
//!
//! | file           | what it holds                                        |
//! |----------------|------------------------------------------------------|
//! | `absmax`       | the largest absolute values of blocks, in eight bits |
//! | `levels`       | the values of codes                                  |
//! | `bitsandbytes` | bitsandbytes' own kernels, where its library is found |

mod absmax;
mod bitsandbytes;
mod levels;

use tch::{Kind, Tensor};

use crate::{Error, Result};

pub use absmax::Absmax;
pub use bitsandbytes::{Library, library};

/// Elements per block.
pub const BLOCK: i64 = 64;

/// The smallest divisor: a block below it counts as zero, and the quotient stays finite.
const TINY: f64 = 1e-38;

/// A quantised weight.
pub struct Quantised {
    codes: Tensor, // [elements / 2], u8: the first element of two in the high half
    absmax: Absmax,
    pairs: Tensor, // [256, 2]: the two levels of each byte
    size: [i64; 2],
    kind: Kind,
    library: Option<&'static Library>,
}

impl Quantised {
    /// Quantises a matrix; `name` is for the error.
    ///
    /// # Errors
    /// [`Error::Linear`] if the number of elements is not a multiple of 64; those of [`library`].
    pub fn new(name: &str, weight: &Tensor) -> Result<Self> {
        if weight.numel() as i64 % BLOCK != 0 {
            let problem = "cannot be quantised: its number of elements is not a multiple of 64";
            return Err(Error::Linear { name: name.to_owned(), problem });
        }
        let library = library()?;
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
                library,
            })
        })
    }

    /// The dequantised weight, of the original size and kind.
    pub fn dequantise(&self) -> Tensor {
        tch::no_grad(|| {
            let absmax = self.absmax.dequantise();
            let done = self
                .library
                .and_then(|library| library.dequantise(&self.codes, &absmax, self.size, self.kind));
            done.unwrap_or_else(|| {
                let levels = self.pairs.index_select(0, &self.codes.to_kind(Kind::Int)); // [elements / 2, 2]
                let weight = levels.reshape([-1, BLOCK]) * absmax.unsqueeze(-1);
                weight.reshape(self.size).to_kind(self.kind)
            })
        })
    }

    /// The product `x W^T + bias` with the packed weight, of the few rows of a generation step; `None` if it has to be
    /// dequantised.
    pub fn multiply(&self, x: &Tensor, bias: Option<&Tensor>) -> Option<Tensor> {
        self.library?.multiply(x, &self.codes, &self.absmax, self.size, bias)
    }

    /// Rows and columns.
    pub fn size(&self) -> [i64; 2] {
        self.size
    }

    /// The packed codes, `[elements / 2]`, u8.
    pub fn codes(&self) -> &Tensor {
        &self.codes
    }

    /// The largest absolute values of the blocks.
    pub fn absmax(&self) -> &Absmax {
        &self.absmax
    }
}

/// Divides each row by its largest absolute value, to -1 to 1. Multiplies by the reciprocal, as bitsandbytes
/// does: a division may round differently.
fn scale(rows: &Tensor, magnitudes: &Tensor) -> Tensor {
    (rows * magnitudes.clamp_min(TINY).reciprocal().unsqueeze(-1)).clamp(-1, 1)
}

/// The index of the nearest level, u8; `levels` are ascending. Ties go to the lower level.
fn nearest(values: &Tensor, levels: &Tensor) -> Tensor {
    let count = levels.size()[0];
    let midpoints = (levels.narrow(0, 0, count - 1) + levels.narrow(0, 1, count - 1)) / 2;
    values.bucketize(&midpoints, true, false).to_kind(Kind::Uint8)
}
