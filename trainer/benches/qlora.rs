//! QLoRA in Qwen3-8B's exact shapes, with random weights: tokens per second, peak memory and model FLOPs utilisation,
//! beside transformers, PEFT and bitsandbytes on the same work in the same run.
//!
//! `make gpu`; by itself: `PARITY_PYTHON=$(scripts/parity_python.sh) BENCH_DEVICE=cuda cargo bench --workspace --bench
//! qlora`, with `LD_LIBRARY_PATH` as in `scripts/gpu.sh`. `QLORA_SHAPES=tiny` runs the same in small, also on a CPU.
//!
//! All samples have one length, so that the peer, which pads and does not pack, loses nothing; the trainer packs them
//! into one row. Both compute in bf16 on a GPU, with gradient checkpointing and AdamW.
//!
//! Model FLOPs of a token: `4 P + 6 A + 12 L H s/2`. `P` are the weights of the frozen matrices, head included: a
//! product forwards and one backwards, two operations each. `A` are the adapter's: a product more. The rest is
//! attention: in each of `L` layers, two products over the `s/2` earlier tokens of a sample on average, of heads
//! together `H` wide, forwards, and twice that backwards. What checkpointing computes again does not count.

#![allow(clippy::unwrap_used)] // a failure ends the benchmark
#![allow(clippy::print_stdout)] // the report is the purpose

#[path = "common/measure.rs"]
mod measure;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use measure::{Measured, Peak, head, median, name, report, speeds, trainer};
use proto::dataset::RECORD;
use serde_json::{Map, json};
use tch::{Device, Kind, Tensor};
use trainer::dataset::Dataset;
use trainer::model::{Config, Model, ModelType, Source, folder};

/// What is trained, and on how much.
struct Shapes {
    name: &'static str,
    vocabulary: i64,
    width: i64,
    intermediate: i64,
    layers: i64,
    heads: i64,
    kv_heads: i64,
    head_dim: i64,
    rank: i64,
    /// Samples of a step, and their length in tokens.
    samples: i64,
    length: i64,
    /// Measured steps, after the first.
    steps: i64,
}

const QWEN3_8B: Shapes = Shapes {
    name: "qwen3-8b",
    vocabulary: 151_936,
    width: 4096,
    intermediate: 12_288,
    layers: 36,
    heads: 32,
    kv_heads: 8,
    head_dim: 128,
    rank: 64,
    samples: 8,
    length: 2048,
    steps: 5,
};

const TINY: Shapes = Shapes {
    name: "tiny",
    vocabulary: 512,
    width: 128,
    intermediate: 384,
    layers: 2,
    heads: 4,
    kv_heads: 2,
    head_dim: 32,
    rank: 8,
    samples: 4,
    length: 128,
    steps: 3,
};

/// Dense bf16 with f32 sums, in operations per second, by a part of the GPU's name; from NVIDIA's data sheets. More
/// special names come first.
const PEAKS: [(&str, f64); 7] = [
    ("H100 PCIe", 756e12),
    ("H100 NVL", 835e12),
    ("H200 NVL", 835e12),
    ("H100", 989e12),
    ("H200", 989e12),
    ("A100", 312e12),
    ("L40S", 362e12),
];

fn main() {
    let Some(python) = std::env::var_os("PARITY_PYTHON").map(PathBuf::from) else {
        println!("qlora: set PARITY_PYTHON=$(scripts/parity_python.sh) to have something to compare with");
        return;
    };
    let tiny = std::env::var("QLORA_SHAPES").is_ok_and(|shapes| shapes == "tiny");
    let device = measure::device();
    if device == Device::Cpu && !tiny {
        println!("qlora: Qwen3-8B's shapes need a GPU: set BENCH_DEVICE=cuda, or QLORA_SHAPES=tiny");
        return;
    }
    let shapes = if tiny { TINY } else { QWEN3_8B };
    let Shapes { rank, samples, length, steps, .. } = shapes;
    let gpu = gpu(device);
    println!(
        "QLoRA, {}'s shapes, random weights, rank {rank}, {} tokens a step, on {}. Ours / theirs; tokens/s are \
         medians of {steps} steps, memory the peak.\n",
        shapes.name,
        samples * length,
        gpu.as_deref().unwrap_or("a CPU"),
    );

    // The model is made once, because it is large.
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("qlora");
    let model = work.join(format!("model-{}", shapes.name));
    if !model.join(folder::CONFIG).exists() {
        make_model(&shapes, &model);
    }
    let folder = tempfile::tempdir_in(&work).unwrap();
    make_data(&shapes, &folder.path().join("data"));

    let ours = train(&shapes, &model, folder.path(), device);
    println!("the trainer: {}", share(&shapes, &ours, gpu.as_deref()));
    let path = |path: &Path| path.display().to_string();
    let arguments = format!(
        "train {} {} --method qlora --rank {rank} --checkpointing --rows {samples} --length {length} --steps {steps}{}",
        path(&model),
        path(&folder.path().join("data/samples.safetensors")),
        if device == Device::Cpu { "" } else { " --bf16" },
    );
    let theirs = measure::peer(&python, &arguments.split(' ').collect::<Vec<_>>(), device);
    println!("transformers and PEFT: {}\n", share(&shapes, &theirs, gpu.as_deref()));
    head();
    report(&format!("training, qlora, {samples} x {length} tokens a step"), &ours, &theirs);
}

/// The name of the GPU; `None` on a CPU.
fn gpu(device: Device) -> Option<String> {
    if device == Device::Cpu {
        return None;
    }
    let query = ["--query-gpu=name", "--format=csv,noheader", "--id=0"];
    let output = Command::new("nvidia-smi").args(query).output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// A speed in operations per second, and as a share of what the GPU could do, if that is known.
fn share(shapes: &Shapes, measured: &Measured, gpu: Option<&str>) -> String {
    let flops = measured.tokens_per_s * flops_per_token(shapes);
    let peak = gpu.and_then(|gpu| PEAKS.iter().find(|(part, _)| gpu.contains(part)));
    let share = peak.map(|(part, peak)| {
        format!(", {:.1}% of {:.0} TFLOP/s ({part}, dense bf16)", 100.0 * flops / peak, peak / 1e12)
    });
    format!(
        "{:.0} tokens/s, {:.3} model TFLOP/s{}",
        measured.tokens_per_s,
        flops / 1e12,
        share.unwrap_or_default()
    )
}

/// The formula at the top of this file.
fn flops_per_token(shapes: &Shapes) -> f64 {
    let Shapes { width: h, intermediate: m, .. } = *shapes;
    let (queries, keys) = (shapes.heads * shapes.head_dim, shapes.kv_heads * shapes.head_dim);
    let matrices = [(h, queries), (h, keys), (h, keys), (queries, h), (h, m), (h, m), (m, h)];
    let frozen: i64 = matrices.iter().map(|(inputs, outputs)| inputs * outputs).sum();
    let adapted: i64 = matrices.iter().map(|(inputs, outputs)| shapes.rank * (inputs + outputs)).sum();
    let frozen = shapes.layers * frozen + shapes.vocabulary * h;
    let attention = 12 * shapes.layers * queries * shapes.length / 2;
    (4 * frozen + 6 * shapes.layers * adapted + attention) as f64
}

/// Saves a model with random weights.
fn make_model(shapes: &Shapes, out: &Path) {
    let _ = fs::remove_dir_all(out); // what an interrupted run left
    let other = json!({ "max_position_embeddings": 40_960, "bos_token_id": null, "eos_token_id": 1 });
    let config = Config {
        model_type: ModelType::Qwen3,
        vocab_size: shapes.vocabulary,
        hidden_size: shapes.width,
        intermediate_size: shapes.intermediate,
        num_hidden_layers: shapes.layers,
        num_attention_heads: shapes.heads,
        num_key_value_heads: shapes.kv_heads,
        head_dim: shapes.head_dim,
        attention_bias: false,
        mlp_bias: false,
        rms_norm_eps: 1e-6,
        rope_theta: 1e6,
        rope_scaling: None,
        tie_word_embeddings: false,
        kind: Kind::BFloat16,
        other: other.as_object().cloned().unwrap_or_else(Map::new),
    };
    tch::manual_seed(1);
    let model = Model::new(config, &mut Source::random(0.02, Kind::BFloat16, Device::Cpu)).unwrap();
    folder::save(&model, out, trainer::weights::MAX_SHARD_BYTES).unwrap();
}

/// Writes samples of random tokens, all of which bear loss.
fn make_data(shapes: &Shapes, out: &Path) {
    fs::create_dir(out).unwrap();
    tch::manual_seed(2);
    let size = [(shapes.steps + 1) * shapes.samples, shapes.length];
    let tokens = Tensor::randint_low(10, shapes.vocabulary, size, (Kind::Int64, Device::Cpu));
    let mut dataset = Dataset::default();
    for sample in Vec::<Vec<i64>>::try_from(&tokens).unwrap() {
        dataset.push(&sample, &vec![true; sample.len()]);
    }
    dataset.write(out).unwrap();
    fs::write(out.join(RECORD), "{}").unwrap();
}

/// Runs `trainer train`.
fn train(shapes: &Shapes, model: &Path, folder: &Path, device: Device) -> Measured {
    let (config, out) = (folder.join("qlora.yaml"), folder.join("out"));
    let text = format!(
        "base_model: {}\ndatasets: [{{path: {}}}]\noutput_dir: {}\nadapter: qlora\nload_in_4bit: true\n\
         lora_r: {}\nlora_alpha: {}\nlora_target_linear: true\nsequence_len: {}\nsample_packing: true\n\
         micro_batch_size: 1\ngradient_checkpointing: true\nnum_epochs: 1\nlearning_rate: 1.0e-4\n\
         lr_scheduler: constant\nbf16: auto\n",
        model.display(),
        folder.join("data").display(),
        out.display(),
        shapes.rank,
        2 * shapes.rank,
        shapes.samples * shapes.length,
    );
    fs::write(&config, text).unwrap();
    let mut command = trainer();
    command.args(["train", "--device", name(device), "--config"]).arg(&config).stderr(Stdio::inherit());
    if device == Device::Cpu {
        command.args(["--threads", "2"]); // as the peer has
    }
    let mut child = command.spawn().unwrap();
    let mut peak = Peak::of(&child, device);
    assert!(peak.watch(&mut child), "the training failed");
    let speeds = speeds(&out);
    assert_eq!(speeds.len() as i64, shapes.steps);
    Measured { tokens_per_s: median(speeds), peak_bytes: peak.bytes }
}
