//! Tests on small models, without Python: folders and configs, four bits, data, training, generation, the
//! server.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

mod adapters;
mod agent;
mod answers;
mod axolotl;
mod chat;
mod chatty;
mod configs;
mod corpus;
mod families;
mod folders;
mod generate;
mod grpo;
mod init;
mod loss;
mod prepare;
mod quantised;
mod server;
#[path = "../common/tokenizer.rs"]
mod tokenizer;
mod train_command;
mod training;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tch::{Device, Kind, Tensor};
use trainer::model::folder::save;
use trainer::model::{Batch, Config, Model, ModelType, Source};
use trainer::weights::MAX_SHARD_BYTES;

fn config() -> Config {
    Config {
        model_type: ModelType::Qwen3,
        vocab_size: 32,
        hidden_size: 64,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 1,
        head_dim: 32,
        attention_bias: false,
        mlp_bias: false,
        rms_norm_eps: 1e-6,
        rope_theta: 10_000.0,
        rope_scaling: None,
        tie_word_embeddings: false,
        kind: Kind::Float,
        other: Default::default(),
    }
}

fn batch() -> Batch {
    Batch::rows(Tensor::arange(24, (Kind::Int64, Device::Cpu)).reshape([2, 12]))
}

/// A small model in a temporary folder.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("model");
    // libtorch's generator is shared by all tests; sine waves are deterministic.
    let mut phase = 0.0;
    let waves = |_: &str, shape: &[i64]| {
        phase += 1.0;
        let count = shape.iter().product::<i64>();
        let angles = Tensor::arange(count, (Kind::Float, Device::Cpu)) * 12.9898 + phase;
        Ok((angles.sin() * 0.3).reshape(shape))
    };
    let model = Model::new(config(), &mut Source::new(waves)).unwrap();
    save(&model, &path, MAX_SHARD_BYTES).unwrap();
    (work, path)
}

/// Sets one key of a JSON file; null removes it.
fn set(file: &Path, key: &str, value: Value) {
    let mut map: serde_json::Map<String, Value> =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    match value {
        Value::Null => map.remove(key),
        value => map.insert(key.to_owned(), value),
    };
    std::fs::write(file, Value::Object(map).to_string()).unwrap();
}

fn refusal<T>(result: trainer::Result<T>) -> String {
    result.err().expect("a refusal").to_string()
}

/// Runs the program; returns its output of both streams, as an error if it failed.
fn trainer(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_trainer")).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    if output.status.success() { Ok(said) } else { Err(said) }
}
