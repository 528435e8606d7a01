//! Reading: headers first, then one tensor at a time, so that no file is in memory as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::Metadata;
use tch::{Kind, Tensor};

use super::{INDEX, KINDS, SINGLE};
use crate::json::Object;
use crate::{Error, Result};

/// The format's limit of a header's length.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Tensors by name, read on demand.
pub struct Weights {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

/// Where a tensor is stored.
struct Entry {
    file: PathBuf,
    offset: u64,
    bytes: usize,
    shape: Vec<i64>,
    kind: Kind,
}

impl Weights {
    /// Opens a model folder: `model.safetensors.index.json` and its shards, or `model.safetensors`.
    ///
    /// # Errors
    /// If a file is missing or malformed, or the index does not agree with the shards.
    pub fn open_folder(folder: &Path) -> Result<Self> {
        let index = folder.join(INDEX);
        if !index.exists() {
            return Self::open_file(&folder.join(SINGLE));
        }
        let map: BTreeMap<String, String> = Object::read(&index)?.get("weight_map")?;
        let mut entries = BTreeMap::new();
        for shard in map.values().collect::<BTreeSet<_>>() {
            entries.extend(header(&folder.join(shard))?);
        }
        for (name, shard) in &map {
            if entries.get(name).is_none_or(|entry| entry.file != folder.join(shard)) {
                return Err(Error::tensor(&index, name, format!("is not in {shard}")));
            }
        }
        Ok(Self { path: folder.into(), entries })
    }

    /// Opens one safetensors file.
    ///
    /// # Errors
    /// If the file is missing or malformed.
    pub fn open_file(path: &Path) -> Result<Self> {
        Ok(Self { path: path.into(), entries: header(path)?.into_iter().collect() })
    }

    /// The names of all tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Reads a tensor that must have this shape.
    ///
    /// # Errors
    /// If there is no such tensor, it has another shape, or the file cannot be read.
    pub fn read(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        let entry = self.entry(name)?;
        if entry.shape != shape {
            let problem = format!("has shape {:?}, not {shape:?}", entry.shape);
            return Err(Error::tensor(&entry.file, name, problem));
        }
        self.read_any(name)
    }

    /// Reads a tensor that must have this shape and finite values. A NaN would spread: to the loss in training,
    /// and to every sequence of a batch in generation, since masked values are still multiplied.
    ///
    /// # Errors
    /// As [`Self::read`]; also if a value is infinite or NaN.
    pub fn read_finite(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        let tensor = self.read(name, shape)?;
        match bool::try_from(tensor.isfinite().all()) {
            Ok(true) => Ok(tensor),
            _ => Err(self.error(name, "has values that are not finite")),
        }
    }

    /// Reads a tensor of any shape.
    ///
    /// # Errors
    /// If there is no such tensor, or the file cannot be read.
    pub fn read_any(&self, name: &str) -> Result<Tensor> {
        let entry = self.entry(name)?;
        let mut data = vec![0; entry.bytes];
        let mut file = File::open(&entry.file).map_err(Error::file(&entry.file))?;
        file.seek(SeekFrom::Start(entry.offset)).map_err(Error::file(&entry.file))?;
        file.read_exact(&mut data).map_err(Error::file(&entry.file))?;
        Ok(Tensor::from_data_size(&data, &entry.shape, entry.kind))
    }

    /// An error about one of these tensors.
    pub fn error(&self, name: &str, problem: impl Into<String>) -> Error {
        Error::tensor(&self.path, name, problem)
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.entries.get(name).ok_or_else(|| self.error(name, "is missing"))
    }
}

/// Reads a file's header: eight bytes of length, then JSON. Offsets are relative to the header's end.
fn header(path: &Path) -> Result<Vec<(String, Entry)>> {
    let wrong = |problem: String| Error::File { path: path.into(), reason: std::io::Error::other(problem) };
    let mut file = File::open(path).map_err(Error::file(path))?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(Error::file(path))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(wrong(format!("no safetensors file: a header of {length} bytes")));
    }
    let mut header = Vec::new();
    (&mut file).take(length).read_to_end(&mut header).map_err(Error::file(path))?;
    // The library checks that sizes and offsets are consistent and leave no gaps.
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|reason| Error::Json { path: path.into(), reason })?;
    let start = 8 + length;
    let end = start + metadata.data_len() as u64;
    let found = file.metadata().map_err(Error::file(path))?.len();
    if found != end {
        return Err(wrong(format!("has {found} bytes, by its header {end}")));
    }

    let mut entries = Vec::new();
    for (name, info) in metadata.tensors() {
        let Some((_, kind)) = KINDS.iter().find(|(dtype, _)| *dtype == info.dtype) else {
            return Err(Error::tensor(path, name, format!("is {:?}, which is not supported", info.dtype)));
        };
        let (from, to) = info.data_offsets;
        let shape = info.shape.iter().map(|size| *size as i64).collect();
        let entry =
            Entry { file: path.into(), offset: start + from as u64, bytes: to - from, shape, kind: *kind };
        entries.push((name, entry));
    }
    Ok(entries)
}
