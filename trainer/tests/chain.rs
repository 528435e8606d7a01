//! From a teacher's traces to a model that plays: every program, by its command line, on a very small size.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use proto::run::Layout;
use proto::trace::{EventKind, Step, Trace};
use tests::{program, root};

const TASK: &str = "knapsack-0000000000";

/// Runs a program to its end.
fn succeed(program: &Path, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}:\n{errors}", program.display());
}

fn trainer(arguments: &[&str]) {
    succeed(Path::new(env!("CARGO_BIN_EXE_trainer")), arguments);
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A running `trainer serve`; ends when dropped.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_trainer"))
            .args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .args(arguments)
            .env("RUNTIME_GYM_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server's first line").to_owned();
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A run config of one agent, which is told what the committed teachers are told.
fn run_config(folder: &Path, name: &str, persistent: bool, llm: &str) -> PathBuf {
    let path = folder.join(format!("{name}.yaml"));
    let config = format!(
        "{{output_dir: {}, run_name: {name}, task_families: [knapsack], agents: [{{name: {name}, agent_type: \
         codeact, persistent_state: {persistent}, max_turns: 12, max_tool_calls: 5, prompt: {{runtime: hidden, \
         observation: compact, hide_names: true}}, llm: {{{llm}}}}}]}}",
        folder.display()
    );
    fs::write(&path, config).unwrap();
    path
}

fn play(folder: &Path, config: &Path, more: &[&str]) {
    let tasks = folder.join("tasks");
    let arguments = ["run", "--config", text(config), "--tasks-root", text(&tasks), "--max-examples", "1"];
    succeed(&program("agent"), &[&arguments, more].concat());
}

fn trace(folder: &Path, run: &str) -> Trace {
    proto::files::read_json(&Layout::new(folder, run).trace(run, "knapsack", TASK)).unwrap()
}

fn steps(trace: &Trace) -> Vec<&Step> {
    let step = |event| match event {
        &EventKind::StepEvent(ref step) => Some(&**step),
        _ => None,
    };
    trace.events.iter().filter_map(|event| step(&event.kind)).collect()
}

/// What every training of this test has in common.
fn training(folder: &Path, base: &str, data: &str, out: &str, more: &str) -> PathBuf {
    let path = folder.join(format!("train_{out}.yaml"));
    let folder = folder.display();
    let config = format!(
        "base_model: {folder}/{base}\ndatasets: [{{path: {folder}/{data}}}]\noutput_dir: {folder}/{out}\n\
         sequence_len: 4096\nsample_packing: true\nnum_epochs: 1000\nwarmup_steps: 10\nlr_scheduler: linear\n\
         logging_steps: 10\nsave_steps: 1000\n{more}"
    );
    fs::write(&path, config).unwrap();
    path
}

/// One trace is learnt by heart, so that the model's answers can be told: what the teacher wrote. That takes the
/// same conversation, to the token, in training and in play.
#[test]
fn a_model_learns_a_teachers_trace_and_plays_it() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path();
    let path = |name: &str| folder.join(name);
    let tasks = path("tasks");
    succeed(
        &program("env-server"),
        &["generate", "--config", "task_configs/tiny.json", "--out", text(&tasks)],
    );
    for (run, persistent) in [("persistent", true), ("reset", false)] {
        let llm = format!("backend: scripted, model: {run}-habit");
        play(folder, &run_config(folder, run, persistent, &llm), &[]);
    }

    let (fresh, both) = (path("fresh"), [path("persistent"), path("reset")]);
    let sizes =
        ["--vocab-size", "600", "--hidden-size", "96", "--layers", "2", "--heads", "3", "--seed", "1"];
    let traces = ["--traces", text(&both[0]), text(&both[1])];
    trainer(&[&["init", "--out", text(&fresh)], &sizes[..], &traces].concat());
    for run in &both {
        let out = path(&format!("data_{}", run.file_name().unwrap().to_str().unwrap()));
        let arguments = ["prepare", "--model", text(&fresh), "--traces", text(run), "--sequence-len", "4096"];
        trainer(&[&arguments, &["--out", text(&out)][..]].concat());
    }
    trainer(&["look", "--data", text(&path("data_reset")), "--model", text(&fresh)]);

    // The base learns the persistent teacher's trace, an adapter on it the other's.
    let pretraining = "max_steps: 120\nlearning_rate: 5.0e-3\n";
    let config = training(folder, "fresh", "data_persistent", "base", pretraining);
    trainer(&["train", "--config", text(&config)]);
    let tuning = "max_steps: 120\nlearning_rate: 1.0e-2\nadapter: qlora\nload_in_4bit: true\nlora_r: 16\n\
                  lora_alpha: 16\nlora_target_linear: true\ngradient_checkpointing: true\n";
    let config = training(folder, "base", "data_reset", "adapter", tuning);
    trainer(&["train", "--config", text(&config)]);

    let adapter = format!("tuned={}", text(&path("adapter")));
    let server = Server::start(&["--model", text(&path("base")), "--adapter", &adapter, "--load-in-4bit"]);
    for (run, persistent, model, teacher) in
        [("base_plays", true, "base", "persistent"), ("adapter_plays", false, "tuned", "reset")]
    {
        let llm = format!("backend: inference, model: {model}, temperature: 0, max_tokens: 1500");
        play(folder, &run_config(folder, run, persistent, &llm), &["--inference", &server.url]);
        let (played, taught) = (trace(folder, run), trace(folder, teacher));
        let words = |trace: &Trace| -> Vec<String> {
            steps(trace).iter().map(|step| step.assistant_text.clone()).collect()
        };
        assert_eq!(words(&played), words(&taught), "{model}");
        assert_eq!(played.summary.finish_reason.as_deref(), Some("finish_tool"));

        assert!(!played.summary.token_usage.estimated);
        assert!(played.summary.token_usage.completion_tokens > 100);
        let versions = played.provenance.unwrap().versions;
        assert_eq!(versions.model_sha256, trainer::digest::weights(&path("base")).unwrap());
        assert_eq!(versions.adapter_sha256.is_empty(), model == "base");
    }
}
