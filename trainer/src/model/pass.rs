//! One forward pass: what all layers share while they compute it.

use tch::Tensor;

use super::cache::Window;
use super::rope::Rope;
use crate::lora::Adapter;

/// What all layers of one forward pass share.
pub struct Pass<'a> {
    pub rope: Rope,
    /// The lengths of the samples packed into the only row; `None`: each row is one sample.
    pub samples: Option<&'a [i64]>,
    /// Whether dropout is on.
    pub train: bool,
    /// The keys and values of earlier tokens; `None`: the batch holds all tokens.
    pub window: Option<Window<'a>>,
    /// Adapters besides those that the linear layers carry.
    pub adapted: &'a [Adapted<'a>],
}

/// Tokens of a batch of one row that share an adapter.
pub struct Adapted<'a> {
    /// The shared adapter.
    pub adapter: &'a Adapter,
    /// The indices of the tokens, `[n]`; `None`: all tokens.
    pub tokens: Option<Tensor>,
}
