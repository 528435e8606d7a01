//! A whole adapter, independent of any model.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use tch::{Device, Kind};

use super::layout::{CONFIG, WEIGHTS, key};
use super::{Config, Lora};
use crate::weights::Weights;
use crate::{Error, Result};

/// What an adapter must know of a matrix that it may adapt.
#[derive(Clone, Debug)]
pub struct MatrixInfo {
    /// Its name, such as `model.layers.0.self_attn.q_proj`.
    pub name: String,
    /// Outputs and inputs.
    pub size: [i64; 2],
    /// The device that holds it.
    pub device: Device,
}

/// The changes of a model's matrices, by the matrices' names.
pub struct Adapter {
    config: Config,
    matrices: HashMap<String, Lora>,
}

impl Adapter {
    /// Reads a PEFT folder. Everything in it must fit the model that has these `matrices`.
    ///
    /// # Errors
    /// An [`Error`](crate::Error) that names the file, and the key or tensor that is missing, superfluous or
    /// does not fit.
    pub fn read(matrices: &[MatrixInfo], folder: &Path) -> Result<Self> {
        let config = Config::read(&folder.join(CONFIG))?;
        let weights = Weights::open_file(&folder.join(WEIGHTS))?;
        let mut keys = BTreeSet::new();
        let mut loras = HashMap::new();
        for MatrixInfo { name, size: [outputs, inputs], device } in matrices {
            if !config.targets(name) {
                continue;
            }
            let mut tensor = |part, shape: [i64; 2]| {
                let key = key(name, part);
                let tensor = weights.read_finite(&key, &shape)?.to_device(*device).to_kind(Kind::Float);
                keys.insert(key);
                Result::Ok(tensor)
            };
            let a = tensor("lora_A", [config.r, *inputs])?;
            let b = tensor("lora_B", [*outputs, config.r])?;
            loras.insert(name.clone(), Lora::of(a, &b, &config));
        }
        if loras.is_empty() {
            let problem = "names no matrix of this model";
            return Err(Error::key(folder.join(CONFIG), "target_modules", problem));
        }
        match weights.names().find(|name| !keys.contains(*name)) {
            Some(name) => Err(weights.error(name, "is not part of this adapter")),
            None => Ok(Self { config, matrices: loras }),
        }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The change of one matrix, if the adapter changes it.
    pub fn get(&self, name: &str) -> Option<&Lora> {
        self.matrices.get(name)
    }

    /// Removes and returns the change of one matrix.
    pub(super) fn take(&mut self, name: &str) -> Option<Lora> {
        self.matrices.remove(name)
    }
}
