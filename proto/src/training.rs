//! `training.json` and `metrics.jsonl`: what a training came from, how far it is, and what it measured.
//!
//! `trainer train` and `trainer grpo` write both into the folder of a result, and `training.json` into every checkpoint. `analysis`
//! reads them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The value of [`Record::schema_version`].
pub const SCHEMA_VERSION: &str = "runtime_gym.training.v1";

/// The file of a [`Record`].
pub const RECORD: &str = "training.json";

/// The file of [`Line`]s: JSON lines.
pub const METRICS: &str = "metrics.jsonl";

/// Where a training comes from and how far it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Record {
    /// [`SCHEMA_VERSION`]; absent from files that were written before it was introduced.
    #[serde(default = "schema_version")]
    pub schema_version: String,
    /// The program and its version.
    pub program: String,
    /// The commit that the program was built from, with `-dirty` where files differed; empty if unknown.
    pub git_commit: String,
    /// The libraries that compute.
    pub libraries: String,
    /// The training config (Axolotl's keys), with its defaults.
    pub config: Map<String, Value>,
    /// The model that it started from.
    pub base_model: Input,
    /// The datasets, in the config's order; for `trainer grpo` the agent and its tasks.
    pub datasets: Vec<Input>,
    /// Number of samples (for `trainer grpo`: tasks) to learn, and of those held out for evaluation.
    pub samples: [usize; 2],
    /// `cpu` or `cuda`.
    pub device: String,
    /// `float32` or `bfloat16`.
    pub compute: String,
    /// Threads on a CPU.
    pub threads: i32,
    /// Number of trained parameters.
    pub trained_parameters: usize,
    /// Steps of the whole training.
    pub steps: u64,
    /// How far it is.
    pub position: Position,
    /// When the last start of it began (RFC 3339).
    pub started_at: String,
    /// When this file was written (RFC 3339).
    pub written_at: String,
}

fn schema_version() -> String {
    SCHEMA_VERSION.to_owned()
}

/// A folder that a training reads.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Input {
    /// Where it was.
    pub path: PathBuf,
    /// SHA-256 of its safetensors files; for an agent, of its config and its tasks.
    pub sha256: String,
    /// For a dataset, its `dataset.json`; for a model, its `config.json`; for an agent, its config.
    pub record: Map<String, Value>,
}

/// How far a training is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Position {
    /// Steps done.
    pub step: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Of these, tokens that bear loss.
    pub target_tokens: u64,
    /// Seconds that the steps took, over all starts.
    pub seconds: f64,
    /// Loss of the last step, in nats a token for `trainer train`.
    pub loss: Option<f64>,
    /// Loss of the last evaluation, in nats a token.
    pub eval_loss: Option<f64>,
    /// Mean reward of the last evaluation of `trainer grpo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eval_reward: Option<f64>,
}

/// A line of the metrics: of a step, or of an evaluation after it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Line {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: f64,
    /// Seconds since 1970.
    pub time: f64,
    /// What was measured.
    #[serde(flatten)]
    pub values: Values,
}

/// What a line of the metrics holds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Values {
    /// Of a step.
    Step {
        /// Mean over the step's tokens that bear loss, in nats; for `trainer grpo` its objective, which is about zero in the first
        /// step after episodes were played.
        loss: f64,
        /// The step's learning rate.
        learning_rate: f64,
        /// L2 norm of the gradient before clipping.
        grad_norm: f64,
        /// Tokens seen since the beginning.
        tokens: u64,
        /// Since the line before, without the time of evaluations and checkpoints.
        tokens_per_second: f64,
        /// Main memory in use, in bytes.
        memory_bytes: Option<u64>,
        /// On a GPU: its memory in use, of all programs. The trainer keeps what it has freed, so where it is alone, the
        /// most that it needed so far.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device_memory_bytes: Option<u64>,
        /// For `trainer grpo`: the policy.
        #[serde(flatten)]
        policy: Option<Policy>,
        /// For `trainer grpo`: the episodes, if this step played some.
        #[serde(flatten)]
        played: Option<Box<Played>>,
    },
    /// Of an evaluation.
    Evaluation {
        /// Mean over the held-out tokens that bear loss, in nats.
        eval_loss: f64,
    },
    /// Of an evaluation of `trainer grpo`: the held-out tasks, played once each.
    Episodes {
        /// Mean reward, 0 to 1.
        eval_reward: f64,
        /// Share of tasks that were solved.
        eval_solved: f64,
        /// Mean number of turns.
        eval_turns: f64,
        /// Mean number of tokens that the model wrote in an episode.
        eval_completion_tokens: f64,
        /// Mean number of missing-variable errors in an episode.
        eval_missing_variables: f64,
    },
}

/// A step's policy, beside the base and the policy that played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Policy {
    /// Mean divergence from the base without its adapter, in nats a token; zero where `beta` is.
    pub kl: f64,
    /// Share of the model's tokens whose ratio of probabilities is clipped.
    pub clip_ratio: f64,
    /// Mean absolute difference of the tokens' log-probabilities between trainer and engine, when they were played.
    pub sampling_logp_difference: f64,
    /// Seconds that gradients and update took.
    pub train_seconds: f64,
    /// Tokens that the trainer processed, a second of these.
    pub train_tokens_per_second: f64,
}

/// The episodes that a step played, and learns from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Played {
    /// Mean reward, 0 to 1.
    pub reward: f64,
    /// Mean over the groups of the standard deviation of their rewards.
    pub reward_std: f64,
    /// Share of groups whose rewards are all the same: they teach nothing.
    pub frac_reward_zero_std: f64,
    /// Share of episodes that were solved.
    pub solved: f64,
    /// Number of episodes.
    pub rollouts: u64,
    /// Groups whose episode ended before its branch.
    pub unbranched_groups: u64,
    /// Mean number of turns of an episode, after its branch.
    pub turns: f64,
    /// Mean number of tokens that the model wrote in them.
    pub completion_tokens: f64,
    /// Mean number of missing-variable errors in them.
    pub missing_variables: f64,
    /// Mean number of names in them that were bound to the value that they had.
    pub names_redefined: f64,
    /// Tokens that the engine generated, those that rollouts share counted once.
    pub generated_tokens: u64,
    /// Tokens of prompts that the engine read, and how many of them it had in its cache.
    pub prompt_tokens: u64,
    /// See [`Played::prompt_tokens`].
    pub cached_tokens: u64,
    /// Steps of the environment, those that rollouts share counted once.
    pub env_steps: u64,
    /// Seconds in which the engine generated.
    pub engine_seconds: f64,
    /// Generated tokens a second of these.
    pub engine_tokens_per_second: f64,
    /// Seconds in which the environment and the agent were waited for.
    pub env_seconds: f64,
    /// Steps of the environment a second of these.
    pub env_steps_per_second: f64,
}
