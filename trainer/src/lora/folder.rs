//! An adapter on disk, as PEFT lays it out.

use std::path::Path;

use super::attach::{matrices, tensors};
use super::layout::{CONFIG, WEIGHTS};
use super::{Adapter, Config};
use crate::model::Model;
use crate::weights::write_file;
use crate::{Error, Result};

/// Loads an adapter onto a model, in place of any other; returns its config.
///
/// # Errors
/// If the adapter does not fit; the model is then unchanged.
pub fn load(model: &mut Model, folder: &Path) -> Result<Config> {
    let mut adapter = Adapter::read(&matrices(model), folder)?;
    for linear in model.linears_mut() {
        let lora = adapter.take(linear.name());
        linear.set_adapter(lora);
    }
    Ok(adapter.config().clone())
}

/// Saves the adapter that a model carries. The config is written last: a folder that has one is complete.
///
/// # Errors
/// If a file cannot be written.
pub fn save(model: &Model, config: &Config, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    write_file(&folder.join(WEIGHTS), tensors(model))?;
    config.write(&folder.join(CONFIG))
}
