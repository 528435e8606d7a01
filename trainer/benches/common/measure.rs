//! What benchmarks of the trainer share: the program, its peer in Python, memory, the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tch::Device;
use trainer::cuda;

/// The measurements of one side.
pub struct Measured {
    pub tokens_per_s: f64,
    pub peak_bytes: f64,
}

/// Prints a line of the report: ours / theirs.
pub fn report(what: &str, ours: &Measured, theirs: &Measured) {
    let pair = |ours: f64, theirs: f64| format!("{ours:.0} / {theirs:.0}");
    let (memory, their_memory) = (ours.peak_bytes / 1e6, theirs.peak_bytes / 1e6);
    println!(
        "{what:<42} {:>15} {:>5.2}x   {:>15} {:>5.2}x",
        pair(ours.tokens_per_s, theirs.tokens_per_s),
        ours.tokens_per_s / theirs.tokens_per_s,
        pair(memory, their_memory),
        memory / their_memory,
    );
}

/// Prints what is above the report's columns.
pub fn head() {
    println!("{:<42} {:>15} {:>6}   {:>15} {:>6}", "", "tokens/s", "ratio", "memory in MB", "ratio");
}

/// Runs `peer.py` and returns what it says.
pub fn peer(python: &Path, arguments: &[&str], device: Device) -> Measured {
    let errors = tempfile::NamedTempFile::new().unwrap();
    let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer.py");
    let mut child = Command::new(python)
        .arg(peer)
        .args(arguments)
        .args(["--device", name(device)])
        .env("HF_HUB_OFFLINE", "1")
        .stdout(Stdio::piped())
        .stderr(errors.reopen().unwrap())
        .spawn()
        .unwrap();
    let mut peak = Peak::of(&child, device);
    let output = child.stdout.take().unwrap();
    let succeeded = peak.watch(&mut child);
    assert!(succeeded, "{}", fs::read_to_string(errors.path()).unwrap());
    let said: Value = serde_json::from_reader(output).unwrap();
    Measured { tokens_per_s: said["tokens_per_s"].as_f64().unwrap(), peak_bytes: peak.bytes }
}

/// The tokens per second of the steps of a training after the first.
pub fn speeds(folder: &Path) -> Vec<f64> {
    let lines = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    let values = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.filter_map(|line| line["tokens_per_second"].as_f64()).skip(1).collect()
}

/// The device that `BENCH_DEVICE` names.
pub fn device() -> Device {
    match std::env::var("BENCH_DEVICE").as_deref() {
        Ok("cuda") => {
            assert!(cuda::memory(Device::Cuda(0)).is_some(), "CUDA tells of no GPU");
            Device::Cuda(0)
        }
        _ => Device::Cpu,
    }
}

/// A device as the programs name it.
pub fn name(device: Device) -> &'static str {
    if device == Device::Cpu { "cpu" } else { "cuda" }
}

/// The trainer's program.
pub fn trainer() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trainer"))
}

/// The peak memory of a process: on a CPU what was resident, from Linux's status file; on a GPU what is used there beyond
/// what was used before, by both sides' allocators alike.
pub struct Peak {
    status: PathBuf,
    device: Device,
    before: u64,
    pub bytes: f64,
}

impl Peak {
    /// Of a process that has just begun.
    pub fn of(child: &Child, device: Device) -> Self {
        let before = cuda::memory(device).map_or(0, cuda::Memory::used);
        Self { status: format!("/proc/{}/status", child.id()).into(), device, before, bytes: 0.0 }
    }

    /// Looks once.
    pub fn note(&mut self) {
        if let Some(memory) = cuda::memory(self.device) {
            self.bytes = self.bytes.max(memory.used().saturating_sub(self.before) as f64);
            return;
        }
        let status = fs::read_to_string(&self.status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        self.bytes = kilobytes.map_or(self.bytes, |kilobytes| kilobytes * 1024.0);
    }

    /// Looks until the process has ended; returns whether it succeeded.
    pub fn watch(&mut self, child: &mut Child) -> bool {
        loop {
            self.note();
            match child.try_wait().unwrap() {
                None => std::thread::sleep(Duration::from_millis(20)),
                Some(status) => return status.success(),
            }
        }
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
