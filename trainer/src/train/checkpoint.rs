//! Checkpoints: `checkpoint-N` folders, each complete or absent.
//!
//! A folder is written under a temporary name and renamed once all of its files are on disk. It holds the
//! adapter or model as a result that can be used by itself, the optimizer's state, what the objective keeps, and the record. Random
//! generators have no state to save, since all draws depend only on seed and step.

use std::fs::File;
use std::path::{Path, PathBuf};

use proto::training::{RECORD, Record};
use tch::Tensor;

use super::objective::Objective;
use super::optimizer::{Optimizer, Parameter};
use super::{Config, Failure, record};
use crate::model::{self, Model};
use crate::weights::{INDEX, MAX_SHARD_BYTES, Weights, write_file};
use crate::{Error, Result, lora};

const PREFIX: &str = "checkpoint-";
/// The files that make a folder an adapter or a model to other programs.
const WHOLE: [&str; 4] = [RECORD, lora::CONFIG, model::folder::CONFIG, INDEX];
/// Locked while a training writes into the folder.
const LOCK: &str = ".lock";
const OPTIMIZER: &str = "optimizer.safetensors";
const RESULT: &str = "result";

/// The checkpoints of a training, in its output folder.
pub struct Checkpoints {
    folder: PathBuf,
    limit: usize,
    /// The trained adapter's settings; `None`: the model itself is trained.
    adapter: Option<lora::Config>,
    base_model: PathBuf,
    _lock: File,
}

impl Checkpoints {
    /// Creates the output folder, locks it for the lifetime of the returned value, and removes incomplete
    /// checkpoints of an earlier start.
    ///
    /// # Errors
    /// [`Failure::InUse`] if another training has locked the folder.
    pub fn open(config: &Config) -> Result<Self> {
        let folder = config.output_dir.as_path();
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
        Ok(Self {
            folder: folder.into(),
            limit: config.save_total_limit,
            adapter: config.lora(),
            base_model: config.base_model.clone(),
            _lock: lock,
        })
    }

    /// The checkpoint of the latest step.
    pub fn last(&self) -> Result<Option<PathBuf>> {
        last(&self.folder)
    }

    /// Whether the folder holds a model or an adapter that was not made by a training.
    pub fn is_foreign(&self) -> Result<bool> {
        let there = |name: &&str| self.folder.join(name).exists();
        let whole = WHOLE.iter().find(|name| there(name));
        Ok(whole.is_some() && !there(&RECORD) && self.last()?.is_none())
    }

    /// Removes all checkpoints and the result.
    pub fn clear(&self) -> Result<()> {
        all(&self.folder)?.iter().try_for_each(|(_, path)| remove(path))?;
        if !self.folder.join(RECORD).exists() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.folder).map_err(Error::file(&self.folder))? {
            let path = entry.map_err(Error::file(&self.folder))?.path();
            let weights = path.extension().is_some_and(|extension| extension == "safetensors");
            let listed = path.file_name().is_some_and(|name| WHOLE.iter().any(|whole| name == *whole));
            if weights || listed {
                std::fs::remove_file(&path).map_err(Error::file(&path))?;
            }
        }
        Ok(())
    }

    /// Saves a checkpoint; returns its folder.
    pub fn save(
        &self,
        model: &Model,
        optimizer: &Optimizer,
        objective: &dyn Objective,
        record: &Record,
    ) -> Result<PathBuf> {
        let name = format!("{PREFIX}{}", record.position.step);
        let path = self.folder.join(&name);
        let partial = self.partial(&name)?;
        let saved = self
            .save_result(model, record, &partial)
            .and_then(|()| write_file(&partial.join(OPTIMIZER), state(optimizer)))
            .and_then(|()| objective.save(&partial, record.position.step))
            .and_then(|()| sync(&partial))
            .and_then(|()| std::fs::rename(&partial, &path).map_err(Error::file(&path)))
            .and_then(|()| sync_names(&self.folder));
        or_remove(saved, &partial)?;
        Ok(path)
    }

    /// Removes the earliest checkpoints beyond the limit.
    pub fn prune(&self) -> Result<()> {
        all(&self.folder)?.iter().rev().skip(self.limit).try_for_each(|(_, path)| remove(path))
    }

    /// Saves the result in the output folder itself. The record is moved there last.
    pub fn finish(&self, model: &Model, record: &Record) -> Result<()> {
        let partial = self.partial(RESULT)?;
        or_remove(self.save_result(model, record, &partial).and_then(|()| sync(&partial)), &partial)?;
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

    /// Writes the trained adapter or model, in the files that other programs load, and the record.
    fn save_result(&self, model: &Model, record: &Record, folder: &Path) -> Result<()> {
        match &self.adapter {
            Some(config) => lora::save(model, config, folder)?,
            None => {
                model::folder::save(model, folder, MAX_SHARD_BYTES)?;
                model::folder::copy_companions(&self.base_model, folder)?;
            }
        }
        record::write(record, folder)
    }

    fn partial(&self, name: &str) -> Result<PathBuf> {
        let partial = self.folder.join(format!(".{name}.partial"));
        if partial.exists() {
            remove(&partial)?;
        }
        Ok(partial)
    }
}

/// The checkpoint of the latest step in a folder.
pub fn last(folder: &Path) -> Result<Option<PathBuf>> {
    Ok(all(folder)?.pop().map(|(_, path)| path))
}

/// All checkpoints in a folder, in the order of their steps.
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

/// Removes a folder that could not be written completely, such as when the disk is full.
fn or_remove(written: Result<()>, partial: &Path) -> Result<()> {
    if written.is_err() {
        let _ = std::fs::remove_dir_all(partial);
    }
    written
}

/// Restores the trained tensors and the optimizer's state from a checkpoint.
pub fn load(checkpoint: &Path, optimizer: &mut Optimizer) -> Result<()> {
    let weights = Weights::open_file(&checkpoint.join(OPTIMIZER))?;
    tch::no_grad(|| {
        for (name, mut tensor) in state(optimizer) {
            tensor.copy_(&weights.read(&name, &tensor.size())?);
        }
        Ok(())
    })
}

/// The trained tensors in full precision, and the optimizer's state of each; the tensors themselves, not
/// copies. Their names show which optimizer owns a tensor: AdamW stores a second-moment estimate
/// (`mean_square`), Muon does not.
fn state(optimizer: &Optimizer) -> Vec<(String, Tensor)> {
    let parts = |parameter: &Parameter| {
        let Parameter { name, value, mean, mean_square, .. } = parameter;
        let named = |part: &str, tensor: &Tensor| (format!("{part}.{name}"), tensor.shallow_clone());
        let square = mean_square.as_ref().map(|tensor| named("mean_square", tensor));
        [named("value", value), named("mean", mean)].into_iter().chain(square).collect::<Vec<_>>()
    };
    optimizer.parameters().iter().flat_map(parts).collect()
}

/// Waits until the files of a folder are on disk.
fn sync(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(Error::file(&path))?;
    }
    sync_names(folder)
}

/// Waits until the entries of a folder are on disk.
fn sync_names(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file(folder))
}

/// Removes a folder: hides it by renaming, which is atomic, then deletes its files.
fn remove(folder: &Path) -> Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().trim_start_matches('.').to_owned();
    let hidden = folder.with_file_name(format!(".{}.removed.partial", name.trim_end_matches(".partial")));
    std::fs::rename(folder, &hidden)
        .and_then(|()| std::fs::remove_dir_all(&hidden))
        .map_err(Error::file(folder))
}
