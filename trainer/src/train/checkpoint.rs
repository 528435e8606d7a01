//! Checkpoints: `checkpoint-N` folders, each whole or not there at all.
//!
//! A folder is written under another name and renamed when everything in it is on the disk. It holds what is
//! trained as a result of its own (an adapter, or a model), the optimiser's state, and the record; what is drawn at
//! random follows from seed and step, so there is nothing of it to keep.

use std::fs::File;
use std::path::{Path, PathBuf};

use tch::Tensor;

use super::Failure;
use super::optimizer::{Optimizer, Parameter};
use super::record::{RECORD, Record};
use crate::model::{self, Model};
use crate::weights::{INDEX, MAX_SHARD_BYTES, Weights, write_file};
use crate::{Error, Result, lora};

const PREFIX: &str = "checkpoint-";
/// The files by which others take a folder for an adapter or a model.
const WHOLE: [&str; 4] = [RECORD, lora::CONFIG, model::folder::CONFIG, INDEX];
/// Held while a training writes into the folder.
const LOCK: &str = ".lock";
const OPTIMIZER: &str = "optimizer.safetensors";
const RESULT: &str = "result";

/// Checkpoints of a training, in its output folder.
pub struct Checkpoints {
    folder: PathBuf,
    limit: usize,
    _lock: File,
}

impl Checkpoints {
    /// In a folder, which is made, and is this training's alone as long as this lives; at most so many are kept. What
    /// an earlier start has left half done is removed.
    pub fn open(folder: &Path, limit: usize) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        let path = folder.join(LOCK);
        let lock = File::create(&path).map_err(Error::file(&path))?;
        lock.try_lock().map_err(|_| Failure::InUse { folder: folder.into() })?;
        for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
            let path = entry.map_err(Error::file(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let ours = name.starts_with(&format!(".{PREFIX}")) || name.starts_with(&format!(".{RESULT}."));
            if path.is_dir() && ours && name.ends_with(".partial") {
                remove(&path)?;
            }
        }
        Ok(Self { folder: folder.into(), limit, _lock: lock })
    }

    /// The checkpoint after the most steps.
    pub fn last(&self) -> Result<Option<PathBuf>> {
        last(&self.folder)
    }

    /// Whether the folder holds a model or an adapter that is not a training's.
    pub fn is_foreign(&self) -> Result<bool> {
        let there = |name: &&str| self.folder.join(name).exists();
        let whole = WHOLE.iter().find(|name| there(name));
        Ok(whole.is_some() && !there(&RECORD) && self.last()?.is_none())
    }

    /// Removes all of them, and a result that was made from them.
    pub fn clear(&self) -> Result<()> {
        all(&self.folder)?.iter().try_for_each(|(_, path)| remove(path))?;
        if !self.folder.join(RECORD).exists() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.folder).map_err(Error::file(&self.folder))? {
            let path = entry.map_err(Error::file(&self.folder))?.path();
            let weights = path.extension().is_some_and(|extension| extension == "safetensors");
            let says = path.file_name().is_some_and(|name| WHOLE.iter().any(|whole| name == *whole));
            if weights || says {
                std::fs::remove_file(&path).map_err(Error::file(&path))?;
            }
        }
        Ok(())
    }

    /// Saves one.
    pub fn save(&self, model: &Model, optimizer: &Optimizer, record: &Record) -> Result<PathBuf> {
        let name = format!("{PREFIX}{}", record.position.step);
        let path = self.folder.join(&name);
        let partial = self.partial(&name)?;
        let saved = save(model, record, &partial)
            .and_then(|()| write_file(&partial.join(OPTIMIZER), state(optimizer)))
            .and_then(|()| sync(&partial))
            .and_then(|()| std::fs::rename(&partial, &path).map_err(Error::file(&path)))
            .and_then(|()| sync_names(&self.folder));
        or_remove(saved, &partial)?;
        Ok(path)
    }

    /// Removes the first of those that are too many.
    pub fn thin(&self) -> Result<()> {
        all(&self.folder)?.iter().rev().skip(self.limit).try_for_each(|(_, path)| remove(path))
    }

    /// Puts the result into the output folder itself. The record comes last.
    pub fn finish(&self, model: &Model, record: &Record) -> Result<()> {
        let partial = self.partial(RESULT)?;
        or_remove(save(model, record, &partial).and_then(|()| sync(&partial)), &partial)?;
        let mut files = std::fs::read_dir(&partial)
            .and_then(|entries| {
                entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>()
            })
            .map_err(Error::file(&partial))?;
        files.sort_by_key(|name| name == RECORD);
        for name in files {
            let path = self.folder.join(&name);
            std::fs::rename(partial.join(&name), &path).map_err(Error::file(path))?;
        }
        remove(&partial)?;
        sync_names(&self.folder)
    }

    fn partial(&self, name: &str) -> Result<PathBuf> {
        let partial = self.folder.join(format!(".{name}.partial"));
        if partial.exists() {
            remove(&partial)?;
        }
        Ok(partial)
    }
}

/// The checkpoint in a folder after the most steps.
pub fn last(folder: &Path) -> Result<Option<PathBuf>> {
    Ok(all(folder)?.pop().map(|(_, path)| path))
}

/// In the order of their steps.
fn all(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let mut all = vec![];
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(PREFIX));
        if let Some(step) = name.and_then(|number| number.parse().ok()) {
            all.push((step, path));
        }
    }
    all.sort();
    Ok(all)
}

/// The disk may be full: what is half written is no use, and goes.
fn or_remove(written: Result<()>, partial: &Path) -> Result<()> {
    if written.is_err() {
        let _ = std::fs::remove_dir_all(partial);
    }
    written
}

/// Brings a model and its optimiser to where a checkpoint was.
pub fn load(checkpoint: &Path, optimizer: &mut Optimizer) -> Result<()> {
    let weights = Weights::open_file(&checkpoint.join(OPTIMIZER))?;
    tch::no_grad(|| {
        for (name, mut tensor) in state(optimizer) {
            tensor.copy_(&weights.read(&name, &tensor.size())?);
        }
        Ok(())
    })
}

/// The trained tensors in full precision, and what the optimiser remembers of each; not copies.
fn state(optimizer: &Optimizer) -> Vec<(String, Tensor)> {
    let parts = |parameter: &Parameter| {
        let Parameter { name, value, mean, mean_square, .. } = parameter;
        let named = |part: &str, tensor: &Tensor| (format!("{part}.{name}"), tensor.shallow_clone());
        let square = mean_square.as_ref().map(|tensor| named("mean_square", tensor));
        [named("value", value), named("mean", mean)].into_iter().chain(square).collect::<Vec<_>>()
    };
    optimizer.parameters().iter().flat_map(parts).collect()
}

/// What was trained, as others load it, and the record.
fn save(model: &Model, record: &Record, folder: &Path) -> Result<()> {
    match record.config.lora() {
        Some(config) => lora::save(model, &config, folder)?,
        None => {
            model::folder::save(model, folder, MAX_SHARD_BYTES)?;
            model::folder::copy_companions(&record.config.base_model, folder)?;
        }
    }
    record.write(folder)
}

/// Waits until the disk has all of it.
fn sync(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(Error::file(&path))?;
    }
    sync_names(folder)
}

/// Waits until the disk knows what is in a folder.
fn sync_names(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file(folder))
}

/// Takes a folder out of sight at once, then removes what is in it.
fn remove(folder: &Path) -> Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().trim_start_matches('.').to_owned();
    let hidden = folder.with_file_name(format!(".{}.removed.partial", name.trim_end_matches(".partial")));
    std::fs::rename(folder, &hidden)
        .and_then(|()| std::fs::remove_dir_all(&hidden))
        .map_err(Error::file(folder))
}
