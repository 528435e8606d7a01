//! `agent run` with an environment server, as they are used.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::{Environment, Retry};
use jiff::Timestamp;
use lifecycle::child::Server;
use proto::conversation::{self, Shown};
use proto::run::Layout;
use proto::trace::{EventKind, Trace};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::load::{AT_ONCE, TURNS};
use crate::model::Model;
use crate::side::{Conversation, Measured, children_cpu, histogram};

/// Episodes of a run.
const EPISODES: usize = 5 * AT_ONCE;
const AGENT: &str = env!("CARGO_BIN_EXE_agent");

/// Plays a run. Beside its measurements: a conversation of it, and what the environment server took, in words.
pub async fn play(model: &Model, stream: bool) -> (Measured, Conversation, String) {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder).await;
    let log = folder.path().join("env-server.log");
    // The others come first: a researcher's environment server and model server have machines of their own.
    let env_server = env_server();
    let arguments = ["-n", "19"].map(OsStr::new).into_iter();
    let arguments =
        arguments.chain([env_server.as_ref(), "serve".as_ref(), "--tasks".as_ref(), tasks.as_os_str()]);
    let server = Server::start("environment server", Path::new("nice"), arguments, &log).await.unwrap();

    let before = children_cpu();
    run(&folder, server.url(), &config(&folder, &model.url, stream)).await;
    let cpu = children_cpu() - before;

    let environment = Environment::new(client::connect(server.url()).await.unwrap(), Retry::default());
    let info = environment.info().await.unwrap();
    let step = info.latencies.iter().find(|latency| latency.name == "Step").unwrap().clone();
    let before = children_cpu();
    server.stop().await;
    let environment_cpu = children_cpu() - before;

    let traces = traces(folder.path());
    assert_eq!(traces.len(), EPISODES);
    let latencies = model.take_latencies();
    let mut added = histogram();
    let (mut in_steps, mut steps) = (Duration::ZERO, 0_u32);
    for times in traces.iter().map(Times::of) {
        for (call, took) in times.beside_steps() {
            added.record(took.saturating_sub(latencies[&call]).as_micros() as u64).unwrap();
        }
        in_steps += times.steps().sum::<Duration>();
        steps += times.steps().count() as u32;
    }
    let environment = format!(
        "a step took the environment server {:.2} ms and {:.0} µs of processor time, and the agent {:.2} ms beyond that (means)",
        step.mean_us / 1e3,
        environment_cpu.as_secs_f64() * 1e6 / step.count as f64,
        in_steps.as_secs_f64() * 1e3 / f64::from(steps) - step.mean_us / 1e3,
    );
    let begun = traces.iter().map(|trace| time(trace.started_at.as_ref().unwrap())).min().unwrap();
    let ended = traces.iter().map(|trace| time(trace.finished_at.as_ref().unwrap())).max().unwrap();
    let taken = traces.iter().map(|trace| trace.summary.num_steps).sum();
    assert_eq!(taken, (EPISODES * TURNS) as u64, "every episode takes all its turns");
    let wall = Duration::try_from(ended.duration_since(begun)).unwrap();
    (Measured { turns: taken, wall, cpu, added }, conversation_of(&traces[0]), environment)
}

/// When things happened in an episode, turn by turn.
#[derive(Default)]
struct Times {
    seed: u64,
    called: Vec<Timestamp>,
    answered: Vec<Timestamp>,
    stepped: Vec<Timestamp>,
}

impl Times {
    fn of(trace: &Trace) -> Self {
        let seed = trace.provenance.as_ref().unwrap().seeds.policy;
        let mut times = Self { seed, ..Self::default() };
        for event in &trace.events {
            match &event.kind {
                EventKind::ModelCallEvent(call) => times.called.push(time(&call.timestamp)),
                EventKind::ModelResponseEvent(response) => times.answered.push(time(&response.timestamp)),
                EventKind::StepEvent(_) => times.stepped.push(time(&event.timestamp)),
                _ => {}
            }
        }
        times
    }

    /// The calls of the environment server: from the model's answer to the end of the turn.
    fn steps(&self) -> impl Iterator<Item = Duration> {
        self.answered.iter().zip(&self.stepped).map(|(&begin, &end)| between(begin, end))
    }

    /// Everything else from a model call to the next, the model's time included; by seed and turn.
    fn beside_steps(&self) -> impl Iterator<Item = ((u64, usize), Duration)> {
        let turns = self.called.windows(2).zip(self.steps()).enumerate();
        turns.map(|(turn, (called, step))| ((self.seed, turn), between(called[0], called[1]) - step))
    }
}

fn between(begin: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(begin)).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn conversation_of(trace: &Trace) -> Conversation {
    let step = trace.steps().next().unwrap();
    Conversation {
        system: trace.summary.system_prompts[0].clone(),
        task: trace.summary.task.clone(),
        observation: conversation::replies(step, Shown::of(trace)).remove(0).content,
    }
}

fn traces(folder: &Path) -> Vec<Trace> {
    let results = Layout::new(folder, "run").results("agent", "knapsack");
    let paths = std::fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path());
    let is_trace = |path: &PathBuf| path.to_str().unwrap().ends_with(".trace.json");
    paths.filter(is_trace).map(|path| files::read_json(&path).unwrap()).collect()
}

/// Easy tasks of the paper's study, one for each episode.
async fn tasks(folder: &TempDir) -> PathBuf {
    let out = folder.path().join("tasks");
    let config = json!({
        "out_dir": out, "run_name": "bench", "seed_start": 0,
        "knapsack": {
            "num_tasks": EPISODES, "n_items_range": [25, 40], "weight_range": [5, 20], "value_range": [10, 100],
            "classes": ["A", "B", "C", "D"], "num_allowed_classes": 2, "capacity_ratio_range": [0.35, 0.5],
        },
    });
    let path = write(folder, "tasks.json", &config);
    let status = Command::new(env_server()).args(["generate", "--config"]).arg(path).status().await;
    assert!(status.unwrap().success(), "env-server generate");
    out
}

fn config(folder: &TempDir, url: &str, stream: bool) -> PathBuf {
    let llm = json!({
        "backend": "openai", "model": "model", "url": url, "stream": stream, "max_concurrent_requests": AT_ONCE,
    });
    let agent = json!({
        "name": "agent", "agent_type": "codeact", "persistent_state": true, "max_turns": TURNS, "llm": llm,
    });
    let config = json!({
        "output_dir": folder.path(), "run_name": "run", "max_concurrent_runs": AT_ONCE, "task_families": ["knapsack"],
        "agents": [agent],
    });
    write(folder, "run.yaml", &config)
}

fn write(folder: &TempDir, name: &str, config: &Value) -> PathBuf {
    let path = folder.path().join(name);
    files::write_json(&path, config).unwrap();
    path
}

async fn run(folder: &TempDir, environment: &str, config: &Path) {
    let mut command = Command::new(AGENT);
    command.arg("run").arg("--config").arg(config).args(["--env", environment]);
    let output = command.current_dir(folder.path()).output().await.unwrap();
    assert!(output.status.success(), "agent run: {}", String::from_utf8_lossy(&output.stderr));
}

/// The environment server beside the agent.
fn env_server() -> PathBuf {
    let program = Path::new(AGENT).with_file_name(format!("env-server{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is missing: cargo build --release -p env-server", program.display());
    program
}
