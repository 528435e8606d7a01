//! From a teacher's traces to a model that plays: all programs, by their command lines, with a very small
//! model.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use proto::run::Layout;
use proto::trace::{EventKind, Trace};
use tests::{program, root};

const TASK: &str = "knapsack-0000000000";
/// The teachers, and whether their interpreters persist.
const TEACHERS: [(&str, bool); 2] = [("persistent", true), ("reset", false)];

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

/// A run config of one agent, with the prompt of the committed teachers.
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
    files::read_json(&Layout::new(folder, run).trace(run, "knapsack", TASK)).unwrap()
}

/// The model's messages, in order.
fn words(trace: &Trace) -> Vec<String> {
    let text = |event: &EventKind| match event {
        EventKind::StepEvent(step) => Some(step.assistant_text.clone()),
        _ => None,
    };
    trace.events.iter().filter_map(|event| text(&event.kind)).collect()
}

/// A training config: the settings of all trainings of this test, and `more`.
fn training(folder: &Path, base: &str, data: &[&str], out: &str, more: &str) -> PathBuf {
    let path = folder.join(format!("train_{out}.yaml"));
    let folder = folder.display();
    let data: Vec<String> = data.iter().map(|name| format!("{{path: {folder}/data_{name}}}")).collect();
    let config = format!(
        "base_model: {folder}/{base}\ndatasets: [{}]\noutput_dir: {folder}/{out}\nsequence_len: 4096\n\
         sample_packing: true\nnum_epochs: 1000\nwarmup_steps: 5\nlr_scheduler: linear\nsave_steps: 1000\n{more}",
        data.join(", ")
    );
    fs::write(&path, config).unwrap();
    path
}

/// One trace of each teacher is memorised, so that the answers are known: the base learns both, and each
/// adapter selects one. The play can equal the trace only if training and play see the same conversation, to
/// the token.
#[test]
fn models_learn_their_teachers_traces_and_play_them() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path();
    let path = |name: &str| folder.join(name);
    let tasks = path("tasks");
    succeed(
        &program("env-server"),
        &["generate", "--config", "task_configs/tiny.json", "--out", text(&tasks)],
    );
    for (teacher, persistent) in TEACHERS {
        let llm = format!("backend: scripted, model: {teacher}-habit");
        play(folder, &run_config(folder, teacher, persistent, &llm), &[]);
    }

    let (fresh, runs) = (path("fresh"), TEACHERS.map(|(teacher, _)| path(teacher)));
    let sizes =
        ["--vocab-size", "600", "--hidden-size", "96", "--layers", "2", "--heads", "3", "--seed", "1"];
    let traces = ["--traces", text(&runs[0]), text(&runs[1])];
    trainer(&[&["init", "--out", text(&fresh)], &sizes[..], &traces].concat());
    for (teacher, _) in TEACHERS {
        let (run, out) = (path(teacher), path(&format!("data_{teacher}")));
        let arguments =
            ["prepare", "--model", text(&fresh), "--traces", text(&run), "--sequence-len", "4096"];
        trainer(&[&arguments, &["--out", text(&out)][..]].concat());
        trainer(&["look", "--data", text(&out), "--model", text(&fresh)]);
    }

    let pretraining = "max_steps: 150\nlearning_rate: 5.0e-3\n";
    let config = training(folder, "fresh", &["persistent", "reset"], "base", pretraining);
    trainer(&["train", "--threads", "1", "--config", text(&config)]);
    let tuning = "max_steps: 50\nlearning_rate: 1.0e-2\nadapter: qlora\nload_in_4bit: true\nlora_r: 8\n\
                  lora_alpha: 16\nlora_target_linear: true\ngradient_checkpointing: true\n";
    for (teacher, _) in TEACHERS {
        let config = training(folder, "base", &[teacher], &format!("{teacher}_adapter"), tuning);
        trainer(&["train", "--threads", "1", "--config", text(&config)]);
    }

    let adapters = TEACHERS.map(|(teacher, _)| format!("{teacher}={}/{teacher}_adapter", folder.display()));
    let base = path("base");
    let arguments = ["--model", text(&base), "--load-in-4bit", "--threads", "1"];
    let server =
        Server::start(&[&arguments[..], &["--adapter", &adapters[0], "--adapter", &adapters[1]]].concat());
    for (teacher, persistent) in TEACHERS {
        let run = format!("{teacher}_plays");
        let llm = format!("backend: inference, model: {teacher}, temperature: 0, max_tokens: 1500");
        play(folder, &run_config(folder, &run, persistent, &llm), &["--inference", &server.url]);
        let (played, taught) = (trace(folder, &run), trace(folder, teacher));
        assert_eq!(words(&played), words(&taught));
        assert_eq!(played.summary.finish_reason.as_deref(), Some("finish_tool"));

        assert!(!played.summary.token_usage.estimated);
        assert!(played.summary.token_usage.completion_tokens > 100);
        let versions = played.provenance.unwrap().versions;
        assert_eq!(versions.model_sha256, trainer::digest::weights(&base).unwrap());
        let weights = path(&format!("{teacher}_adapter")).join("adapter_model.safetensors");
        assert_eq!(versions.adapter_sha256, trainer::digest::file(&weights).unwrap());
    }
}
