//! An adapter as a whole, apart from any model.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use tch::{Device, Kind};

use super::folder::{CONFIG, WEIGHTS, key};
use super::{Config, Lora};
use crate::Result;
use crate::model::{Linear, Model};
use crate::weights::Weights;

/// What an adapter needs to know of a matrix that it may adapt.
#[derive(Clone, Debug)]
pub struct Place {
    /// As in `model.layers.0.self_attn.q_proj`.
    pub name: String,
    /// Outputs and inputs.
    pub size: [i64; 2],
    /// Where it is.
    pub device: Device,
}

/// The matrices of a model, in order.
pub fn places(model: &Model) -> Vec<Place> {
    let place = |linear: &Linear| Place {
        name: linear.name().to_owned(),
        size: linear.size(),
        device: linear.device(),
    };
    model.linears().map(place).collect()
}

/// The changes of a model's matrices, by their names.
pub struct Adapter {
    config: Config,
    matrices: HashMap<String, Lora>,
}

impl Adapter {
    /// Reads a PEFT folder; everything in it must fit the model that has these `places`.
    pub fn read(places: &[Place], folder: &Path) -> Result<Self> {
        let config = Config::read(&folder.join(CONFIG))?;
        let weights = Weights::open_file(&folder.join(WEIGHTS))?;
        let mut read = BTreeSet::new();
        let mut matrices = HashMap::new();
        for Place { name, size: [outputs, inputs], device } in places {
            if !config.targets(name) {
                continue;
            }
            let mut tensor = |part, shape: [i64; 2]| {
                let key = key(name, part);
                let tensor = weights.read(&key, &shape)?.to_device(*device).to_kind(Kind::Float);
                // In a batch, one sequence's NaN would reach the others: masked, but still multiplied.
                if !bool::try_from(tensor.isfinite().all()).unwrap_or(false) {
                    return Err(weights.error(&key, "has values that are not finite"));
                }
                read.insert(key);
                Result::Ok(tensor)
            };
            let a = tensor("lora_A", [config.r, *inputs])?;
            let b = tensor("lora_B", [*outputs, config.r])?;
            let lora = Lora { a, b, scaling: config.scaling(), dropout: config.dropout };
            matrices.insert(name.clone(), lora);
        }
        match weights.names().find(|name| !read.contains(*name)) {
            Some(name) => Err(weights.error(name, "is not part of this adapter")),
            None => Ok(Self { config, matrices }),
        }
    }

    /// What it is, beside its weights.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The change of one matrix, if it changes that one.
    pub fn get(&self, name: &str) -> Option<&Lora> {
        self.matrices.get(name)
    }

    /// Takes out the change of one matrix.
    pub(super) fn take(&mut self, name: &str) -> Option<Lora> {
        self.matrices.remove(name)
    }
}
