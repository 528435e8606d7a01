//! An adapter on disk, as PEFT lays it out.

use std::collections::BTreeSet;
use std::path::Path;

use tch::{Kind, Tensor};

use super::{Config, Lora};
use crate::model::{Linear, Model};
use crate::weights::{Weights, write_file};
use crate::{Error, Result};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";

/// Loads an adapter onto a model, in place of any other; returns its config. Where it does not fit, the model is
/// left as it was.
pub fn load(model: &mut Model, folder: &Path) -> Result<Config> {
    let config = Config::read(&folder.join(CONFIG))?;
    let weights = Weights::open_file(&folder.join(WEIGHTS))?;

    let mut read = BTreeSet::new();
    let adapters = model
        .linears()
        .map(|linear| {
            if !config.targets(linear.name()) {
                return Ok(None);
            }
            let mut tensor = |part, shape: [i64; 2]| {
                let key = key(linear, part);
                let tensor = weights.read(&key, &shape)?.to_device(linear.device()).to_kind(Kind::Float);
                read.insert(key);
                Ok(tensor)
            };
            let [outputs, inputs] = linear.size();
            let a = tensor("lora_A", [config.r, inputs])?;
            let b = tensor("lora_B", [outputs, config.r])?;
            Ok(Some(Lora { a, b, scaling: config.scaling(), dropout: config.dropout }))
        })
        .collect::<Result<Vec<_>>>()?;
    if let Some(name) = weights.names().find(|name| !read.contains(*name)) {
        return Err(weights.error(name, "is not part of this adapter"));
    }
    for (linear, adapter) in model.linears_mut().zip(adapters) {
        linear.set_adapter(adapter);
    }
    Ok(config)
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
                .map(|(part, tensor)| (key(linear, part), tensor.shallow_clone()))
        })
        .collect()
}

/// PEFT wraps the model twice, and its names show it.
fn key(linear: &Linear, part: &str) -> String {
    format!("base_model.model.{}.{part}.weight", linear.name())
}
