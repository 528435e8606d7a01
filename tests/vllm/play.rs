//! Runs of the agent against the server, and what they left behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use proto::run::{EpisodeResult, Layout};
use proto::trace::{ModelResponse, Step, Trace};
use serde_json::{Value, json};
use tests::{program, root};
use tokio::process::{Child, Command};

/// Tasks and runs.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder of tasks.
    pub tasks: PathBuf,
    /// Where runs are left.
    pub out: PathBuf,
    /// The server's base URL.
    pub url: String,
}

/// A run of one agent.
#[derive(Clone, Debug)]
pub struct Run {
    name: &'static str,
    config: Value,
}

impl Run {
    /// A run whose agent has these keys beside the model and its limits, which are small: the model is slow and plays badly.
    pub fn new(name: &'static str, agent: Value, llm: Value) -> Self {
        let mut full = json!({
            "name": name, "persistent_state": true, "max_turns": 4, "max_tool_calls": 5, "timeout_s": 600,
            "prompt": { "observation": "compact", "hide_names": true },
        });
        let mut model = json!({
            "backend": "vllm", "max_tokens": 250, "temperature": 0.7, "timeout_s": 300, "idle_timeout_s": 60,
            "max_retries": 60, "backoff_base_s": 0.5, "backoff_max_s": 5,
        });
        let extend = |value: &mut Value, more: &Value| {
            if let (Value::Object(value), Value::Object(more)) = (value, more) {
                value.extend(more.clone());
            }
        };
        extend(&mut full, &agent);
        extend(&mut model, &llm);
        full["llm"] = model;
        let config = json!({
            "output_dir": "unused", "run_name": name, "max_concurrent_runs": 4, "task_families": ["knapsack"], "agents": [full],
            // What a small model can follow.
            "prompts": root().join("tests/vllm/prompts"),
        });
        Self { name, config }
    }

    /// Sets a key of the run.
    pub fn set(&mut self, key: &str, value: Value) {
        self.config[key] = value;
    }

    fn layout(&self, place: &Place) -> Layout {
        Layout::new(&place.out, self.name)
    }

    /// Starts the agent; its words go to a log.
    pub fn start(&self, place: &Place, tasks: usize) -> Result<Child> {
        let config = place.out.join(format!("{}.yaml", self.name));
        files::write_json(&config, &self.config)?;
        let log = std::fs::File::create(place.out.join(format!("{}.log", self.name)))?;
        let child = Command::new(program("agent"))
            .args(["run", "--config"])
            .arg(&config)
            .arg("--tasks-root")
            .arg(&place.tasks)
            .arg("--output-dir")
            .arg(&place.out)
            .args(["--inference", &place.url, "--max-examples", &tasks.to_string()])
            .current_dir(root())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        Ok(child)
    }

    /// Plays to the end.
    pub async fn play(&self, place: &Place, tasks: usize) -> Result<Vec<Episode>> {
        let status = self.start(place, tasks)?.wait().await?;
        ensure!(status.success(), "the agent failed ({status}): {}", self.log(place)?);
        self.episodes(place)
    }

    /// What the agent said.
    pub fn log(&self, place: &Place) -> Result<String> {
        Ok(files::read_text(&place.out.join(format!("{}.log", self.name)))?)
    }

    /// The number of results so far.
    pub fn results(&self, place: &Place) -> usize {
        self.episodes(place).map_or(0, |episodes| episodes.len())
    }

    /// The episodes that have a result.
    pub fn episodes(&self, place: &Place) -> Result<Vec<Episode>> {
        let layout = self.layout(place);
        let folder = layout.results(self.name, "knapsack");
        let mut episodes = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let Some(trace) = path.to_str().and_then(|path| path.strip_suffix(".trace.json")) else {
                continue;
            };
            let result = PathBuf::from(format!("{trace}.json"));
            if result.exists() {
                episodes
                    .push(Episode { result: files::read_json(&result)?, trace: files::read_json(&path)? });
            }
        }
        Ok(episodes)
    }

    /// The folder of the run.
    pub fn folder(&self, place: &Place) -> PathBuf {
        self.layout(place).root
    }
}

/// An episode that was played.
#[derive(Debug)]
pub struct Episode {
    /// How it ended.
    pub result: EpisodeResult,
    /// What happened.
    pub trace: Trace,
}

impl Episode {
    /// The model's answers.
    pub fn responses(&self) -> Vec<&ModelResponse> {
        self.trace.responses().collect()
    }

    /// Its turns.
    pub fn steps(&self) -> Vec<&Step> {
        self.trace.steps().collect()
    }
}

/// Generates tasks into a folder.
pub async fn generate(out: &Path) -> Result<()> {
    let status = Command::new(program("env-server"))
        .args(["generate", "--config", "task_configs/tiny.json", "--out"])
        .arg(out)
        .current_dir(root())
        .stderr(Stdio::null())
        .status()
        .await?;
    ensure!(status.success(), "generating tasks failed: {status}");
    Ok(())
}
