//! The trainer compared with the Python originals: PyTorch, transformers, PEFT, bitsandbytes. Needs the
//! Python environment that `scripts/parity_python.sh` makes; `make test` runs both.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers
#![allow(clippy::print_stdout)] // differences, shown with `--nocapture`

mod adapters;
mod data;
mod generation;
mod grpo;
mod models;
mod nf4;
mod oracle;
mod real;
#[path = "../common/tokenizer.rs"]
mod tokenizer;
mod training;

use tch::{Cuda, Device, Kind, Tensor};
use trainer::model::folder::Options;

/// The families of models, by the names of their folders: each has tied embeddings and computes in f32.
const FAMILIES: [&str; 3] = ["llama", "qwen2", "qwen3"];

/// The trainer's device: the GPU with `PARITY_DEVICE=cuda`. The originals always run on the CPU.
fn device_name() -> &'static str {
    match std::env::var("PARITY_DEVICE").as_deref() {
        Ok("cuda") => "cuda",
        _ => "cpu",
    }
}

fn device() -> Device {
    if device_name() == "cpu" {
        return Device::Cpu;
    }
    trainer::cuda::load();
    assert!(Cuda::is_available(), "PARITY_DEVICE=cuda, but libtorch finds no GPU");
    Device::Cuda(0)
}

/// The trainer's options for loading a model.
fn options() -> Options {
    Options { device: device(), ..Options::default() }
}

/// The largest absolute difference of two tensors.
fn difference(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.size(), theirs.size());
    let flat = |tensor: &Tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Float);
    let difference = flat(ours) - flat(theirs);
    difference.abs().max().double_value(&[])
}

/// Fails unless two tensors agree within the tolerance; prints their difference.
#[track_caller]
fn assert_close(what: &str, ours: &Tensor, theirs: &Tensor, tolerance: f64) {
    let largest = theirs.to_kind(Kind::Float).abs().max().double_value(&[]);
    let difference = difference(ours, theirs);
    println!("{what}: differs by {difference:.1e} where the largest value is {largest:.1}");
    assert!(largest > 0.1, "{what}: nothing to compare");
    assert!(difference <= tolerance, "{what}: differs by {difference}, more than {tolerance}");
}
