//! Studies made for a test: a manifest, run folders, and the files of trainings.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{result, write_episode};

pub const TASKS: u32 = 20;
pub const CELLS: [(&str, &str); 6] = [
    ("persistent", "persistent"),
    ("persistent", "reset"),
    ("reset", "persistent"),
    ("reset", "reset"),
    ("base", "persistent"),
    ("base", "reset"),
];

/// A study made for a test.
pub struct Study {
    pub folder: PathBuf,
    pub manifest: Value,
}

impl Study {
    /// A study with all cells under these seeds, and a training of the base and of each adapter.
    pub fn new(folder: &Path, title: &str, seeds: &[u64]) -> Self {
        let mut study = Self {
            folder: folder.to_owned(),
            manifest: json!({
                "format": "runtime_gym.study.v1", "name": "made", "title": title,
                "experiment": {"seeds": seeds, "base": {"phases": [{"name": "spans", "steps": 300}]}},
                "commit": "0123456789",
                "started_at": "2026-11-01T10:00:00Z",
                "finished_at": "2026-11-01T10:20:00Z",
                "machine": {
                    "processor": "a <fast> processor", "cores": 2, "memory_bytes": 8_u64 << 30, "system": "Linux",
                },
                "programs": [{"name": "agent", "version": "agent 0.1.0", "sha256": "ab".repeat(32)}],
                "stages": [stage("tasks", "tasks", 0.5), stage("seed1/base", "train", 119.5)],
                "training": [], "cells": [],
            }),
        };
        for seed in seeds {
            for model in ["base", "persistent", "reset"] {
                study.train(*seed, model);
            }
            for (train, runtime) in CELLS {
                study.evaluate(*seed, train, runtime);
            }
        }
        study.write();
        study
    }

    /// Writes the manifest.
    pub fn write(&self) {
        fs::write(self.folder.join("study.json"), self.manifest.to_string()).unwrap();
    }

    /// The run folder of a cell.
    pub fn run(&self, seed: u64, train: &str, runtime: &str) -> PathBuf {
        self.folder.join(format!("evaluate/{seed}/{train}_in_{runtime}"))
    }

    fn train(&mut self, seed: u64, model: &str) {
        let folder = format!("train/{seed}/{model}");
        let path = self.folder.join(&folder);
        fs::create_dir_all(&path).unwrap();
        let record = json!({
            "program": "trainer 0.1.0",
            "git_commit": "",
            "libraries": "libtorch",
            "config": {},
            "samples": [20, 0],
            "threads": 2,
            "started_at": "2026-11-01T10:00:00Z",
            "written_at": "2026-11-01T10:10:00Z",
            "base_model": {"path": "b", "sha256": "aa", "record": {}},
            "datasets": [{"path": "d", "sha256": "0123456789abcdef", "record": {}}],
            "device": "cpu",
            "compute": "bfloat16",
            "trained_parameters": 12345,
            "steps": 300,
            "position": {
                "step": 300, "tokens": 9000, "target_tokens": 4000, "seconds": 61.0, "loss": 0.1, "eval_loss": 0.2,
            },
        });
        fs::write(path.join("training.json"), record.to_string()).unwrap();
        let lines = (1..=300).map(|step| {
            let loss = 3.0 / f64::from(step);
            let line = json!({
                "step": step, "epoch": 0.1, "time": 1.0, "loss": loss, "learning_rate": 0.1, "grad_norm": 1.0,
                "tokens": 30, "tokens_per_second": 9.0, "memory_bytes": null,
            });
            format!("{line}\n")
        });
        let evaluation = "{\"step\":300,\"epoch\":1.0,\"time\":2.0,\"eval_loss\":0.25}\n";
        fs::write(path.join("metrics.jsonl"), lines.collect::<String>() + evaluation).unwrap();
        let list = self.manifest["training"].as_array_mut().unwrap();
        list.push(json!({"seed": seed, "model": model, "phase": "", "folder": folder}));
    }

    /// Adds a cell. Persistent-trained episodes in a reset runtime have errors, except the first task's.
    pub fn evaluate(&mut self, seed: u64, train: &str, runtime: &str) {
        let run = self.run(seed, train, runtime);
        for task in 0..TASKS {
            let suffers = train == "persistent" && runtime == "reset" && task > 0;
            let varied = u64::from(task % 5) + seed;
            let words = if train == "reset" { 100 + 10 * varied } else { 30 + varied };
            let mut steps =
                vec![step("ids = list_items()\nprint('<b>')", words, None), step("x = 1", words, None)];
            if suffers {
                steps.insert(1, step("use(ids)", words, Some("NameError: name 'ids' is not defined")));
                steps.push(step("{}['k']", words, Some("KeyError: 'k'")));
            }
            if train == "base" {
                steps.push(json!({"assistant_text": "I think", "token_usage": usage(words)}));
            }
            let score = if suffers { 0.5 } else { 0.8 } + 0.02 * f64::from(task % 7);
            let trace = trace(train, runtime, task, &steps);
            write_episode(&run, train, task, &result(task % 2 == 0 && !suffers, score), &trace);
        }
        let relative = run.strip_prefix(&self.folder).unwrap().to_owned();
        let list = self.manifest["cells"].as_array_mut().unwrap();
        list.push(
            json!({"seed": seed, "train": train, "runtime": runtime, "tasks": "held-out", "run": relative}),
        );
    }
}

fn stage(name: &str, kind: &str, seconds: f64) -> Value {
    json!({
        "name": name, "kind": kind, "seconds": seconds, "reused": false, "folder": name, "key": "cd".repeat(32),
    })
}

fn usage(words: u64) -> Value {
    json!({"prompt_tokens": 200, "completion_tokens": words, "total_tokens": 200 + words})
}

fn step(code: &str, words: u64, error: Option<&str>) -> Value {
    json!({
        "assistant_text": format!("Now this.\n\n```python\n{code}\n```"), "code": code, "token_usage": usage(words),
        "interpreter_result": {"success": error.is_none(), "output": "12 <items>\n", "error": error},
    })
}

/// A trace. The base's last answer is cut off at the model's limit.
fn trace(train: &str, runtime: &str, task: u32, steps: &[Value]) -> Value {
    let sum = |key: &str| steps.iter().filter_map(|step| step["token_usage"][key].as_u64()).sum::<u64>();
    let mut events = Vec::new();
    for step in steps {
        let stopped = if step["code"].is_null() { "length" } else { "stop" };
        events.push(json!({"type": "ModelCallEvent", "timestamp": "t", "data": {}}));
        events.push(
            json!({"type": "ModelResponseEvent", "timestamp": "t", "data": {"finish_reason": stopped}}),
        );
        events.push(json!({"type": "StepEvent", "timestamp": "t", "data": step}));
    }
    json!({
        "provenance": {
            "interpreter_state": runtime, "task_id": format!("knapsack-{task:010}"), "seeds": {"task": 7 + task},
            "versions": {"python": "3.14.0", "model_sha256": "5e".repeat(32)},
        },
        "summary": {
            "task": format!("Pack number {task} & finish."), "num_steps": steps.len(),
            "finish_reason": if train == "base" { "max_turns" } else { "finish_tool" },
            "token_usage": {
                "prompt_tokens": sum("prompt_tokens"), "completion_tokens": sum("completion_tokens"),
                "total_tokens": sum("total_tokens"),
            },
        },
        "events": events,
    })
}
