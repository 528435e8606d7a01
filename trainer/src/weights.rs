//! Named tensors in safetensors files: one file, or several with an index as Hugging Face lays them out.

mod reader;
mod writer;

use safetensors::Dtype;
use tch::Kind;

pub use reader::Weights;
pub use writer::{MAX_SHARD_BYTES, write_file, write_folder};

const SINGLE: &str = "model.safetensors";
/// The file that says which shard has which tensor.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// The element types that weights come in, and what the two libraries call them.
const KINDS: [(Dtype, Kind); 5] = [
    (Dtype::F32, Kind::Float),
    (Dtype::BF16, Kind::BFloat16),
    (Dtype::F16, Kind::Half),
    (Dtype::U8, Kind::Uint8),
    (Dtype::I64, Kind::Int64),
];
