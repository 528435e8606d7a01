//! An adapter on disk, as PEFT lays it out.

use std::path::Path;

use tch::Tensor;

use super::{Adapter, Config, places};
use crate::model::Model;
use crate::weights::write_file;
use crate::{Error, Result};

/// The file that says what an adapter is, beside its weights.
pub const CONFIG: &str = "adapter_config.json";
/// The weights' file.
pub const WEIGHTS: &str = "adapter_model.safetensors";

/// Loads an adapter onto a model, in place of any other; returns its config. Where it does not fit, the model is
/// left as it was.
pub fn load(model: &mut Model, folder: &Path) -> Result<Config> {
    let mut adapter = Adapter::read(&places(model), folder)?;
    for linear in model.linears_mut() {
        let lora = adapter.take(linear.name());
        linear.set_adapter(lora);
    }
    Ok(adapter.config().clone())
}

/// Saves the adapter that a model carries. The config comes last: a folder that has one is whole.
pub fn save(model: &Model, config: &Config, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    write_file(&folder.join(WEIGHTS), tensors(model))?;
    config.write(&folder.join(CONFIG))
}

/// The weights of the adapter that a model carries, by PEFT's names; the model's own tensors, not copies.
pub fn tensors(model: &Model) -> Vec<(String, Tensor)> {
    let adapted = model.linears().filter_map(|linear| linear.adapter().map(|lora| (linear, lora)));
    adapted
        .flat_map(|(linear, lora)| {
            [("lora_A", &lora.a), ("lora_B", &lora.b)]
                .map(|(part, tensor)| (key(linear.name(), part), tensor.shallow_clone()))
        })
        .collect()
}

/// PEFT wraps the model twice, and its names show it.
pub fn key(name: &str, part: &str) -> String {
    format!("base_model.model.{name}.{part}.weight")
}
