//! Checkpoints: `checkpoint-N` folders, each whole or not there at all.
//!
//! A folder is written under another name and renamed when everything in it is on the disk. It holds what is
//! trained as a result of its own (an adapter, or a model), the optimiser's state, and the record; what is drawn at
//! random follows from seed and step, so there is nothing of it to keep.

use std::fs::File;
use std::path::{Path, PathBuf};

use tch::Tensor;

use super::optimizer::AdamW;
use super::record::{RECORD, Record};
use crate::model::{self, Model};
use crate::weights::{MAX_SHARD_BYTES, Weights, write_file};
use crate::{Error, Result, lora};

const PREFIX: &str = "checkpoint-";
/// The files by which others take a folder for an adapter or a model.
const WHOLE: [&str; 3] = [RECORD, "adapter_config.json", model::folder::CONFIG];
const OPTIMIZER: &str = "optimizer.safetensors";

/// Checkpoints of a training, in its output folder.
pub struct Checkpoints {
    folder: PathBuf,
    limit: usize,
}

impl Checkpoints {
    /// In a folder, which is made; at most so many are kept. What an earlier start has left half done is removed.
    pub fn open(folder: &Path, limit: usize) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
            let path = entry.map_err(Error::file(folder))?.path();
            if path.is_dir() && path.extension().is_some_and(|extension| extension == "partial") {
                remove(&path)?;
            }
        }
        Ok(Self { folder: folder.into(), limit })
    }

    /// The checkpoint after the most steps.
    pub fn last(&self) -> Result<Option<PathBuf>> {
        Ok(self.all()?.pop().map(|(_, path)| path))
    }

    /// Removes all of them, and a result that was made from them.
    pub fn clear(&self) -> Result<()> {
        self.all()?.iter().try_for_each(|(_, path)| remove(path))?;
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

    /// Saves one, and then removes those that are too many.
    pub fn save(&self, model: &Model, optimizer: &AdamW, record: &Record) -> Result<PathBuf> {
        let name = format!("{PREFIX}{}", record.position.step);
        let path = self.folder.join(&name);
        let partial = self.partial(&name)?;
        let saved = save(model, record, &partial)
            .and_then(|()| write_file(&partial.join(OPTIMIZER), state(optimizer)))
            .and_then(|()| sync(&partial))
            .and_then(|()| std::fs::rename(&partial, &path).map_err(Error::file(&path)));
        if let Err(reason) = saved {
            let _ = std::fs::remove_dir_all(&partial); // the disk may be full: leave nothing that is no use
            return Err(reason);
        }
        let all = self.all()?;
        all.iter().rev().skip(self.limit).try_for_each(|(_, path)| remove(path))?;
        Ok(path)
    }

    /// Puts the result into the output folder itself. The record comes last.
    pub fn finish(&self, model: &Model, record: &Record) -> Result<()> {
        let partial = self.partial("result")?;
        save(model, record, &partial)?;
        sync(&partial)?;
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
        remove(&partial)
    }

    fn partial(&self, name: &str) -> Result<PathBuf> {
        let partial = self.folder.join(format!(".{name}.partial"));
        if partial.exists() {
            remove(&partial)?;
        }
        Ok(partial)
    }

    /// In the order of their steps.
    fn all(&self) -> Result<Vec<(u64, PathBuf)>> {
        let mut all = vec![];
        for entry in std::fs::read_dir(&self.folder).map_err(Error::file(&self.folder))? {
            let path = entry.map_err(Error::file(&self.folder))?.path();
            let name =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(PREFIX));
            if let Some(step) = name.and_then(|number| number.parse().ok()) {
                all.push((step, path));
            }
        }
        all.sort();
        Ok(all)
    }
}

/// Brings a model and its optimiser to where a checkpoint was.
pub fn load(checkpoint: &Path, optimizer: &mut AdamW) -> Result<()> {
    let weights = Weights::open_file(&checkpoint.join(OPTIMIZER))?;
    tch::no_grad(|| {
        for (name, mut tensor) in state(optimizer) {
            tensor.copy_(&weights.read(&name, &tensor.size())?);
        }
        Ok(())
    })
}

/// The trained tensors in full precision, and what the optimiser remembers of each; not copies.
fn state(optimizer: &AdamW) -> Vec<(String, Tensor)> {
    let parts = |parameter: &super::optimizer::Parameter| {
        [("value", &parameter.value), ("mean", &parameter.mean), ("mean_square", &parameter.mean_square)]
            .map(|(part, tensor)| (format!("{part}.{}", parameter.name), tensor.shallow_clone()))
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
    Ok(())
}

/// Takes a folder out of sight at once, then removes what is in it.
fn remove(folder: &Path) -> Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().trim_start_matches('.').to_owned();
    let hidden = folder.with_file_name(format!(".{}.removed.partial", name.trim_end_matches(".partial")));
    std::fs::rename(folder, &hidden)
        .and_then(|()| std::fs::remove_dir_all(&hidden))
        .map_err(Error::file(folder))
}
