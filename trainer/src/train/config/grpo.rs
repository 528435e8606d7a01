//! The keys of reinforcement learning: `rl`, `trl` as in Axolotl with TRL's names inside, and our `rollout`.

use std::path::PathBuf;

use fields::{FromJson, Place};
use serde::Serialize;
use serde_json::Value;

use super::readers::{at_least_one, optional, positive, zero_or_more};

/// Methods of reinforcement learning.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rl {
    /// Group-relative policy optimisation.
    Grpo,
}

fields::words! { Rl { "grpo" => Grpo } }

/// The keys of `trl`: those of TRL's `GRPOConfig`, with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trl {
    /// Rollouts of a group.
    pub num_generations: usize,
    /// Steps that learn from the same rollouts.
    pub num_iterations: u64,
    /// Coefficient of the divergence from the base without its adapter; 0: it is not computed.
    pub beta: f64,
    /// How far below 1 the ratio of probabilities may fall before it is clipped, and above 1 without `epsilon_high`.
    pub epsilon: f64,
    /// How far above 1 it may rise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon_high: Option<f64>,
    /// How the losses of tokens are averaged.
    pub loss_type: LossType,
    /// What advantages are divided by.
    pub scale_rewards: Scale,
    /// Sampling temperature, above 0.
    pub temperature: f64,
    /// Most tokens of an answer, of which a rollout has one for each turn.
    pub max_completion_length: usize,
    /// Whether tokens are weighted by how much likelier they are to the trainer than they were to the engine that drew them.
    pub importance_sampling_correction: bool,
    /// The largest such weight.
    pub importance_sampling_cap: f64,
}

impl Default for Trl {
    fn default() -> Self {
        Self {
            num_generations: 8,
            num_iterations: 1,
            beta: 0.0,
            epsilon: 0.2,
            epsilon_high: None,
            loss_type: LossType::default(),
            scale_rewards: Scale::default(),
            temperature: 1.0,
            max_completion_length: 256,
            importance_sampling_correction: true,
            importance_sampling_cap: 2.0,
        }
    }
}

fields::object! {
    Trl {
        num_generations: or_as(8, at_least_two),
        num_iterations: or_as(1, at_least_one),
        beta: or_as(0.0, zero_or_more),
        epsilon: or_as(0.2, positive),
        epsilon_high: or_as(None, optional(positive)),
        loss_type: or_default,
        scale_rewards: or_default,
        temperature: or_as(1.0, positive),
        max_completion_length: or_as(256, at_least_one),
        importance_sampling_correction: or(true),
        importance_sampling_cap: or_as(2.0, positive),
    }
}

fn at_least_two(value: &Value, place: &Place<'_>) -> Option<usize> {
    let number = usize::from_json(value, place)?;
    place.require(number >= 2, || {
        "must be at least 2: a rollout is compared with the others of its group".to_owned()
    });
    Some(number)
}

/// How the losses of the tokens that the model wrote are averaged over a step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LossType {
    /// Over each rollout's tokens, then over the rollouts: equation 3 of GRPO (<https://arxiv.org/abs/2402.03300>).
    Grpo,
    /// Summed, and divided by the rollouts and by `max_completion_length`: without the bias of a division by the rollout's own
    /// length, section 3.2 of Dr. GRPO (<https://arxiv.org/abs/2503.20783>).
    DrGrpo,
    /// Over all tokens of the step: section 3.3 of DAPO (<https://arxiv.org/abs/2503.14476>).
    #[default]
    Dapo,
}

fields::words! { LossType { "grpo" => Grpo, "dr_grpo" => DrGrpo, "dapo" => Dapo } }

/// What the advantages of a group, its rewards less their mean, are divided by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The standard deviation of the group's rewards, as in GRPO. Also `true`.
    #[default]
    Group,
    /// The standard deviation of all rewards of the step.
    Batch,
    /// One, as in Dr. GRPO, which finds that a division favours tasks that are too easy or too hard. Also `false`.
    None,
}

impl FromJson for Scale {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        match (value.as_bool(), value.as_str()) {
            (Some(true), _) | (_, Some("group")) => Some(Self::Group),
            (_, Some("batch")) => Some(Self::Batch),
            (Some(false), _) | (_, Some("none")) => Some(Self::None),
            _ => place.expected("group, batch, none, true or false", value),
        }
    }
}

/// The keys of `rollout`: who plays the episodes, and where.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rollout {
    /// The run config of `agent`, of one agent.
    pub config: PathBuf,
    /// Running environment servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// A task folder, for which the agent starts a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_root: Option<PathBuf>,
    /// Where the rollouts of a group part, if that is not the task's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<Branch>,
    /// Most answers that are generated at the same time.
    pub max_num_seqs: usize,
    /// Sampling temperature of the evaluation; 0 is greedy.
    pub eval_temperature: f64,
}

fields::object! {
    Rollout {
        config: required,
        env: or_default,
        tasks_root: or_default,
        branch: or_default,
        max_num_seqs: or_as(32, at_least_one),
        eval_temperature: or_as(0.0, zero_or_more),
    }
}

/// The number of turns that the rollouts of a group share, drawn for each group between these two.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Branch {
    /// The least; 0 is the task's start.
    pub min_turns: u32,
    /// The most.
    pub max_turns: u32,
}

fields::object! { Branch { min_turns: required, max_turns: required } }
