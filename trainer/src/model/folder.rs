//! A model on disk, as Hugging Face lays it out.

use std::collections::BTreeSet;
use std::path::Path;

use tch::{Device, Kind};

use super::{Config, Model, Source};
use crate::weights::{Weights, write_folder};
use crate::{Error, Result, new_folder};

/// The file of a model's [`Config`].
pub const CONFIG: &str = "config.json";

/// Files of a model folder besides config and weights; they are copied along with a changed model.
const COMPANIONS: [&str; 9] = [
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
];

/// Options for loading a model.
pub struct Options {
    /// The element type of the computation; `None`: the one in the config.
    pub kind: Option<Kind>,
    /// The device that will hold the model.
    pub device: Device,
    /// Whether the matrices of the layers are quantised while loading.
    pub nf4: bool,
    /// Whether weights are held in f32 even if the computation is in bf16. Needed to train the model itself:
    /// a step is often smaller than the resolution of bf16.
    pub master_weights: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { kind: None, device: Device::Cpu, nf4: false, master_weights: false }
    }
}

/// Loads a model.
///
/// # Errors
/// If a tensor is missing or has values that are not finite, or one is stored that the model does not have, so that
/// nothing is dropped silently.
pub fn load(folder: &Path, options: &Options) -> Result<Model> {
    let mut config = Config::read(&folder.join(CONFIG))?;
    config.kind = options.kind.unwrap_or(config.kind);
    if config.kind == Kind::Half {
        let problem = "is float16, in which nothing is computed: choose float32 or bfloat16 with --dtype";
        return Err(Error::key(folder.join(CONFIG), "dtype", problem));
    }
    let weights = Weights::open_folder(folder)?;

    let mut read = BTreeSet::new();
    let kind = if options.master_weights { Kind::Float } else { config.kind };
    // A tied head may be stored redundantly; it equals the embedding.
    if config.tie_word_embeddings {
        read.insert("lm_head.weight".to_owned());
    }
    let source = Source::new(|name, shape| {
        read.insert(name.to_owned());
        Ok(weights.read_finite(name, shape)?.to_device(options.device).to_kind(kind))
    });
    let model = Model::new(config, &mut source.quantised(options.nf4))?;
    match weights.names().find(|name| !read.contains(*name)) {
        Some(name) => Err(weights.error(name, "is not part of this model")),
        None => Ok(model),
    }
}

/// Saves a model into a new folder, in shards of at most `max_shard_bytes`. The config is written last: a
/// folder that has one is complete.
///
/// # Errors
/// If the model carries an adapter, the folder is not empty, or a file cannot be written.
pub fn save(model: &Model, folder: &Path, max_shard_bytes: usize) -> Result<()> {
    if let Some(linear) = model.linears().find(|linear| linear.adapter().is_some()) {
        let problem = "carries an adapter: merge it, or save it by itself";
        return Err(Error::Linear { name: linear.name().to_owned(), problem });
    }
    new_folder(folder)?;
    let kind = model.config().kind;
    let tensors = model.tensors().into_iter().map(|(name, tensor)| (name, tensor.detach().to_kind(kind)));
    write_folder(folder, tensors.collect(), max_shard_bytes)?;
    model.config().write(&folder.join(CONFIG))
}

/// Copies the files that accompany a model: tokenizer, chat template, generation config.
///
/// # Errors
/// If a file cannot be copied.
pub fn copy_companions(from: &Path, to: &Path) -> Result<()> {
    for name in COMPANIONS {
        let file = from.join(name);
        if file.exists() {
            std::fs::copy(&file, to.join(name)).map_err(Error::file(&file))?;
        }
    }
    Ok(())
}
