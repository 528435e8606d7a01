//! Tokens per second and peak memory of training and of generation, compared with transformers, PEFT and
//! bitsandbytes on the same work in the same run.
//!
//! `make bench`; by itself:
//! `PARITY_PYTHON=$(scripts/parity_python.sh) cargo bench -p trainer --bench tokens`. `BENCH_DEVICE=cuda`
//! measures on a GPU, and `BENCH_MODEL=target/smollm2` the model of a folder instead of a very small one. The trainer is
//! measured as it is used: `trainer train`, and `trainer serve` over gRPC.
//! The originals run in `peer.py`: plain loops in one process, without a server.

#![allow(clippy::unwrap_used)] // a failure ends the benchmark
#![allow(clippy::print_stdout)] // the report is the purpose

#[path = "common/measure.rs"]
mod measure;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use measure::{Measured, Peak, head, median, name, report, speeds, trainer};
use proto::dataset::RECORD;
use proto::inference::v1;
use tch::{Device, Kind, Tensor};
use trainer::dataset::Dataset;

/// Tokens of a sequence of a training step.
const LENGTH: i64 = 512;
/// Tokens of a turn in them: those of every second turn are targets.
const TURN: usize = 32;
const PROMPT: i64 = 128;
const NEW: u32 = 64;
const ROUNDS: usize = 3;

fn main() {
    let python = match std::env::var_os("PARITY_PYTHON") {
        Some(python) => PathBuf::from(python),
        None => {
            println!(
                "tokens: set PARITY_PYTHON=$(scripts/parity_python.sh) to have something to compare with"
            );
            return;
        }
    };
    let work = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let given = std::env::var_os("BENCH_MODEL").map(|folder| root.join(folder));
    let (rows, steps) = if given.is_some() { (2, 5) } else { (8, 12) };
    let bench = Bench {
        folder: work.path().to_owned(),
        model: given.clone().unwrap_or_else(|| work.path().join("model")),
        root,
        python,
        device: measure::device(),
        rows,
        steps,
    };
    if given.is_none() {
        bench.make_model();
    }
    bench.make_data();
    println!(
        "{}, f32, on {}. Training has 2 threads on both sides; for generation, theirs have 2, and ours as many as it \
         takes by itself: one for a very small model. Ours / theirs; tokens/s are medians, memory the peak.\n",
        given.map_or_else(
            || "A Qwen3 of width 128 and 4 layers".to_owned(),
            |model| model.display().to_string()
        ),
        name(bench.device)
    );
    head();
    for method in ["full", "lora", "qlora"] {
        let ours = bench.train(method);
        let theirs = bench.peer(&format!(
            "train MODEL SAMPLES --method {method} --rows {rows} --length {LENGTH} --steps {steps}"
        ));
        report(&format!("training, {method}, {rows} x {LENGTH} tokens a step"), &ours, &theirs);
    }
    for streams in [1, 8, 32] {
        let ours = bench.generate(streams);
        let theirs = bench.peer(&format!(
            "generate MODEL --adapter ADAPTER --streams {streams} --prompt-tokens {PROMPT} --new-tokens {NEW} \
             --rounds {ROUNDS}"
        ));
        report(&format!("generation with an adapter, {streams} at once"), &ours, &theirs);
    }
}

struct Bench {
    folder: PathBuf,
    model: PathBuf,
    root: PathBuf,
    python: PathBuf,
    device: Device,
    /// Sequences of a training step.
    rows: i64,
    /// Measured steps, after the first.
    steps: usize,
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Creates a model.
    fn make_model(&self) {
        let texts = ["README.md", "ARCHITECTURE.md", "Cargo.lock"].map(|name| self.root.join(name));
        let status = trainer()
            .arg("init")
            .arg("--text")
            .args(texts)
            .args("--vocab-size 1088 --hidden-size 128 --layers 4 --heads 4 --head-dim 32".split(' '))
            .args("--intermediate-size 384 --context-length 2048 --out".split(' '))
            .arg(&self.model)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Creates a dataset of random tokens, half of them targets, by turns as in conversations. (Of the study's traces, 42 % of
    /// the persistent ones' tokens are targets, and 67 % of the reset ones'.)
    fn make_data(&self) {
        let data = self.path("data");
        fs::create_dir(&data).unwrap();
        let mut dataset = Dataset::default();
        tch::manual_seed(1);
        let samples = Tensor::randint_low(10, 1078, [4 * self.rows, LENGTH], (Kind::Int64, Device::Cpu));
        for sample in Vec::<Vec<i64>>::try_from(&samples).unwrap() {
            let targets: Vec<bool> = (0..sample.len()).map(|place| place / TURN % 2 == 1).collect();
            dataset.push(&sample, &targets);
        }
        dataset.write(&data).unwrap();
        fs::write(data.join(RECORD), "{}").unwrap();
    }

    fn train(&self, method: &str) -> Measured {
        let out = self.path(method);
        let adapter = match method {
            "lora" => "adapter: lora\n",
            "qlora" => "adapter: qlora\nload_in_4bit: true\n",
            _ => "",
        };
        let lora =
            if adapter.is_empty() { "" } else { "lora_r: 8\nlora_alpha: 16\nlora_target_linear: true\n" };
        let config = self.path(&format!("{method}.yaml"));
        let text = format!(
            "base_model: {}\ndatasets: [{{path: {}}}]\noutput_dir: {}\n{adapter}{lora}sequence_len: {LENGTH}\n\
             micro_batch_size: {}\nnum_epochs: 100\nmax_steps: {}\nlearning_rate: 1.0e-4\n\
             lr_scheduler: constant\nbf16: false\n",
            self.model.display(),
            self.path("data").display(),
            out.display(),
            self.rows,
            self.steps + 1,
        );
        fs::write(&config, text).unwrap();
        let mut child = trainer()
            .args(["train", "--threads", "2", "--device", name(self.device), "--config"])
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut peak = Peak::of(&child, self.device);
        assert!(peak.watch(&mut child), "the training failed");
        let speeds = speeds(&out);
        assert_eq!(speeds.len(), self.steps);
        Measured { tokens_per_s: median(speeds), peak_bytes: peak.bytes }
    }

    fn generate(&self, streams: usize) -> Measured {
        let mut server = trainer()
            .args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes", "--model"])
            .arg(&self.model)
            .args(["--dtype", "float32", "--max-batch", "32"])
            .arg("--adapter")
            .arg(format!("lora={}", self.path("lora").display()))
            .args(["--device", name(self.device)])
            .env("RUNTIME_GYM_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut peak = Peak::of(&server, self.device);
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let speeds = runtime.block_on(async {
            let client = client::connect_inference(&url).await.unwrap();
            let mut speeds = vec![];
            for round in 0..=ROUNDS {
                let begun = Instant::now();
                let answers = (0..streams).map(|stream| {
                    let mut client = client.clone();
                    let request = request((round * streams + stream) as u32);
                    async move { client.generate(request).await.unwrap().into_inner().token_ids.len() }
                });
                let tokens: usize = futures::future::join_all(answers).await.into_iter().sum();
                if round > 0 {
                    assert_eq!(tokens, streams * NEW as usize, "an answer ended early");
                    speeds.push(tokens as f64 / begun.elapsed().as_secs_f64());
                }
            }
            speeds
        });
        peak.note();
        drop(server.stdin.take());
        server.wait().unwrap();
        Measured { tokens_per_s: median(speeds), peak_bytes: peak.bytes }
    }

    fn peer(&self, arguments: &str) -> Measured {
        let place = |argument: &str| match argument {
            "MODEL" => self.model.display().to_string(),
            "SAMPLES" => self.path("data").join("samples.safetensors").display().to_string(),
            "ADAPTER" => self.path("lora").display().to_string(),
            other => other.to_owned(),
        };
        let arguments: Vec<String> = arguments.split_whitespace().map(place).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        measure::peer(&self.python, &arguments, self.device)
    }
}

/// A request whose prompt has no common prefix with others.
fn request(number: u32) -> v1::GenerateRequest {
    let ids =
        (0..PROMPT as u32).map(|place| 10 + (number * 131 + place * 17 + place * place) % 1000).collect();
    v1::GenerateRequest {
        prompt: Some(v1::generate_request::Prompt::TokenIds(v1::TokenIds { ids })),
        adapter: "lora".into(),
        max_tokens: NEW,
        ignore_end: true,
        ..Default::default()
    }
}
