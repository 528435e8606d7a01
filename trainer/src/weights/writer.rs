//! Writing: tensors are copied out of libtorch one at a time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, View};
use serde_json::{Map, Value, json};
use tch::{Device, Tensor};

use super::{INDEX, KINDS, SINGLE};
use crate::{Error, Result, json};

/// The largest shard that Hugging Face's libraries write.
pub const MAX_SHARD_BYTES: usize = 5_000_000_000;

/// Writes a model folder's tensors: one file, or shards of at most `max_shard_bytes` with an index.
///
/// # Errors
/// If a file cannot be written, or an element type cannot be stored.
pub fn write_folder(folder: &Path, tensors: Vec<(String, Tensor)>, max_shard_bytes: usize) -> Result<()> {
    let total: usize = tensors.iter().map(|(_, tensor)| bytes(tensor)).sum();
    let mut shards: Vec<Vec<(String, Tensor)>> = vec![];
    let mut room = 0;
    for (name, tensor) in tensors {
        let size = bytes(&tensor);
        if shards.is_empty() || size > room {
            shards.push(vec![]);
            room = max_shard_bytes;
        }
        room = room.saturating_sub(size);
        if let Some(shard) = shards.last_mut() {
            shard.push((name, tensor));
        }
    }
    let count = shards.len();
    if count == 1 {
        return shards.into_iter().try_for_each(|shard| write_file(&folder.join(SINGLE), shard));
    }

    let mut map = Map::new();
    for (number, shard) in shards.into_iter().enumerate() {
        let file = format!("model-{:05}-of-{count:05}.safetensors", number + 1);
        map.extend(shard.iter().map(|(name, _)| (name.clone(), json!(file))));
        write_file(&folder.join(file), shard)?;
    }
    let index = [("metadata", json!({ "total_size": total })), ("weight_map", Value::Object(map))];
    json::write(
        &folder.join(INDEX),
        &index.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<Map<_, _>>(),
    )
}

/// Writes one safetensors file with the format mark `pt`, without which transformers does not load it.
///
/// # Errors
/// If the file cannot be written, or an element type cannot be stored.
pub fn write_file(path: &Path, tensors: Vec<(String, Tensor)>) -> Result<()> {
    let mut stored = Vec::new();
    for (name, tensor) in tensors {
        let Some((dtype, _)) = KINDS.iter().find(|(_, kind)| *kind == tensor.kind()) else {
            return Err(Error::tensor(path, name, format!("is {:?}, which cannot be stored", tensor.kind())));
        };
        let shape = tensor.size().iter().map(|size| *size as usize).collect();
        stored.push((name, Stored { tensor, dtype: *dtype, shape }));
    }
    let mark = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(stored, Some(mark), path)
        .map_err(|reason| Error::Safetensors { path: path.into(), reason })
}

fn bytes(tensor: &Tensor) -> usize {
    tensor.numel() * tensor.kind().elt_size_in_bytes()
}

/// A tensor as the safetensors crate's [`View`].
struct Stored {
    tensor: Tensor,
    dtype: Dtype,
    shape: Vec<usize>,
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let tensor = self.tensor.detach().to_device(Device::Cpu).contiguous();
        let mut data = vec![0; bytes(&tensor)];
        tensor.copy_data_u8(&mut data, tensor.numel());
        Cow::Owned(data)
    }

    fn data_len(&self) -> usize {
        bytes(&self.tensor)
    }
}
