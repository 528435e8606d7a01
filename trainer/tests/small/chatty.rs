//! A small model with a tokenizer and a chat template, and adapters for it.

use std::path::{Path, PathBuf};

use serde_json::json;
use tch::{Device, Kind, Tensor};
use trainer::lora::{self, Lora, Target};
use trainer::model::folder::{self, load, save};
use trainer::model::{Config, Model, Source};
use trainer::weights::MAX_SHARD_BYTES;

use crate::{config, tokenizer};

/// Context length of the model, in tokens.
pub const CONTEXT: i64 = 8192;
/// Vocabulary of the model: more than the tokenizer's, as in padded models.
pub const VOCABULARY: i64 = 272;

/// The model in a temporary folder.
pub fn folder() -> (tempfile::TempDir, PathBuf) {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("model");
    let other = json!({ "max_position_embeddings": CONTEXT, "eos_token_id": tokenizer::END });
    let config = Config { vocab_size: VOCABULARY, other: other.as_object().unwrap().clone(), ..config() };
    let mut number = 0.0;
    let model = Model::new(
        config,
        &mut Source::new(|_, shape| {
            number += 1.0;
            Ok(noise(number, shape, if shape.len() == 1 { 1.5 } else { 0.4 }))
        }),
    );
    save(&model.unwrap(), &path, MAX_SHARD_BYTES).unwrap();
    tokenizer::write(&path);
    (work, path)
}

/// Writes an adapter of the model, different for each `number`.
pub fn adapter(model: &Path, out: &Path, number: u8, r: i64) {
    let mut model = load(model, &folder::Options::default()).unwrap();
    let target_modules = match number % 2 {
        0 => Target::ALL.into(),
        _ => [Target::QProj, Target::VProj, Target::UpProj].into(),
    };
    let config = lora::Config {
        r,
        alpha: 1.5 * r as f64,
        rslora: false,
        dropout: 0.1,
        target_modules,
        base_model: None,
    };
    lora::attach(&mut model, &config);
    for (place, linear) in model.linears_mut().enumerate() {
        if let Some(lora) = linear.adapter() {
            let phase = f64::from(number) * 100.0 + place as f64 + 0.5;
            let (a, b) = (noise(phase, &lora.a.size(), 0.3), noise(-phase, &lora.b.size(), 0.3));
            let lora = Lora { a, b, ..*lora };
            linear.set_adapter(Some(lora));
        }
    }
    lora::save(&model, &config, out).unwrap();
}

/// Deterministic noise between `-scale` and `scale`. libtorch's generator is shared by all tests and cannot
/// be used.
fn noise(phase: f64, shape: &[i64], scale: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let waves =
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 12.9898 + phase * 78.233).sin() * 43_758.545_3;
    ((waves.frac() * scale).to_kind(Kind::Float)).reshape(shape)
}
