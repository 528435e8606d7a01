//! Named tensors in safetensors files: one file, or several with an index as Hugging Face lays them out.

mod reader;
mod writer;

use safetensors::Dtype;
use tch::Kind;

pub use reader::Weights;
pub use writer::{MAX_SHARD_BYTES, write_file, write_folder};

const SINGLE: &str = "model.safetensors";
/// The index file: which shard has which tensor.
pub(crate) const INDEX: &str = "model.safetensors.index.json";

/// The supported element types, in safetensors' and in tch's terms.
const KINDS: [(Dtype, Kind); 5] = [
    (Dtype::F32, Kind::Float),
    (Dtype::BF16, Kind::BFloat16),
    (Dtype::F16, Kind::Half),
    (Dtype::U8, Kind::Uint8),
    (Dtype::I64, Kind::Int64),
];
