//! Files of a run: `results/<agent>/<family>/<family>-<task_id>.json`,
//! `task_status_<agent>-<family>.json`, `summary_<agent>-<family>.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Keys of a run config that do not affect what a run measures. They may change between two starts of the same run.
pub const OPERATIONAL_KEYS: [&str; 15] = [
    "output_dir",
    "env",
    "max_concurrent_runs",
    "max_concurrent_requests",
    "max_retries",
    "backoff_base_s",
    "backoff_max_s",
    "jitter_s",
    "url",
    "cache_db_path",
    "cache_enabled",
    "prices",
    "api_key_env",
    "stream",
    "idle_timeout_s",
];

/// The result of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeResult {
    /// `completed` or `failed`.
    pub status: Status,
    /// The reason, if it failed.
    pub error: Option<String>,
    /// The evaluation, if there is one.
    pub result: Option<Evaluation>,
    /// Seconds on a monotonic clock; only the difference to `started_at` is meaningful.
    pub finished_at: f64,
    /// See `finished_at`.
    pub started_at: f64,
}

/// Whether an episode ran to an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has an evaluation, with any score.
    Completed,
    /// A program or connection failed; the agent is not to blame.
    Failed,
}

/// How well a task was solved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Solved exactly.
    pub is_solved: bool,
    /// 0 to 1.
    pub score: f64,
    /// The family's metrics; numbers, apart from labels.
    pub metrics: Map<String, Value>,
}

/// `summary_<agent>-<family>.json`: means over the episodes of one agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Share of episodes solved, 0 to 1.
    pub average_is_solved: f64,
    /// Seconds per episode.
    pub average_runtime: f64,
    /// Steps per episode.
    pub average_steps: f64,
    /// Prompt plus completion tokens, summed over an episode's turns.
    pub average_total_tokens: f64,
    /// Every numeric metric, and `score`.
    pub metrics: Map<String, Value>,
    /// Episodes with an evaluation.
    pub num_tasks_executed: u64,
    /// Number of these that are solved.
    pub num_tasks_solved: u64,
}

/// The shape of each entry of [`Summary::metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSummary {
    /// Arithmetic mean.
    pub mean: f64,
    /// Median (mean of the middle two).
    pub median: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

/// `task_status_<agent>-<family>.json`: task id to status.
pub type TaskStatus = BTreeMap<String, Status>;

/// The paths of a run's files.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `<output_dir>/<run_name>`.
    pub root: PathBuf,
}

impl Layout {
    /// The layout below `<output_dir>/<run_name>`.
    pub fn new(output_dir: &Path, run_name: &str) -> Self {
        Self { root: output_dir.join(run_name) }
    }

    /// The config that the run used.
    pub fn config(&self) -> PathBuf {
        self.root.join("config.yaml")
    }

    /// Means over the episodes of one agent.
    pub fn summary(&self, agent: &str, family: &str) -> PathBuf {
        self.root.join(format!("summary_{agent}-{family}.json"))
    }

    /// Which tasks are done.
    pub fn task_status(&self, agent: &str, family: &str) -> PathBuf {
        self.root.join(format!("task_status_{agent}-{family}.json"))
    }

    /// The folder of an agent's result and trace files.
    pub fn results(&self, agent: &str, family: &str) -> PathBuf {
        self.root.join("results").join(agent).join(family)
    }

    /// One task's result file.
    pub fn result(&self, agent: &str, family: &str, task_id: &str) -> PathBuf {
        self.results(agent, family).join(format!("{family}-{task_id}.json"))
    }

    /// One task's trace.
    pub fn trace(&self, agent: &str, family: &str, task_id: &str) -> PathBuf {
        self.results(agent, family).join(format!("{family}-{task_id}.trace.json"))
    }

    /// One task's trace as a page.
    pub fn trace_html(&self, agent: &str, family: &str, task_id: &str) -> PathBuf {
        self.results(agent, family).join(format!("{family}-{task_id}.trace.html"))
    }
}
