//! The trainer against the Python originals: PyTorch, transformers, PEFT, bitsandbytes. Needs the Python that
//! `scripts/parity_python.sh` makes: `make test` runs all of it.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers
#![allow(clippy::print_stdout)] // by how much things differ, for `--nocapture`

mod adapters;
mod data;
mod generation;
mod models;
mod nf4;
mod oracle;
#[path = "../common/tokenizer.rs"]
mod tokenizer;
mod training;

use tch::{Cuda, Device, Kind, Tensor};
use trainer::model::folder::Options;

/// Where our side computes: `PARITY_DEVICE=cuda` says on the GPU. Theirs is always on the CPU.
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

/// How our side loads a model.
fn options() -> Options {
    Options { device: device(), ..Options::default() }
}

/// The largest difference of two tensors.
fn difference(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.size(), theirs.size());
    let flat = |tensor: &Tensor| tensor.to_device(Device::Cpu).to_kind(Kind::Float);
    let difference = flat(ours) - flat(theirs);
    difference.abs().max().double_value(&[])
}

/// Fails unless two tensors agree; tells by how much they differ.
#[track_caller]
fn assert_close(what: &str, ours: &Tensor, theirs: &Tensor, tolerance: f64) {
    let largest = theirs.to_kind(Kind::Float).abs().max().double_value(&[]);
    let difference = difference(ours, theirs);
    println!("{what}: differs by {difference:.1e} where the largest value is {largest:.1}");
    assert!(largest > 0.1, "{what}: nothing to compare");
    assert!(difference <= tolerance, "{what}: differs by {difference}, more than {tolerance}");
}
