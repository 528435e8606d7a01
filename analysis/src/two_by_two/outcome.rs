//! What is compared: the outcomes of episodes.

use serde::Serialize;

use crate::episode::Episode;
use crate::failures::EpisodeFailures;
use crate::stats::bootstrap::Bootstrap;
use crate::stats::describe::mean;
use crate::stats::interval::Estimate;
use crate::stats::proportion::{Counts, Proportion};

/// The outcomes of one episode. Score and solved are always known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The score, 0 to 1.
    pub score: f64,
    /// Whether the task was solved exactly.
    pub solved: bool,
    /// Whether it had a missing-variable error.
    pub missing_variable: Option<bool>,
    /// Generated tokens, summed over turns.
    pub generated_tokens: Option<u64>,
    /// Prompt and generated tokens, summed over turns.
    pub all_tokens: Option<u64>,
    /// Whether token counts are estimates.
    pub estimated: bool,
}

impl Observation {
    /// The outcomes of an episode; none if it has no evaluation.
    pub fn of(episode: &Episode) -> Option<Self> {
        let evaluation = episode.evaluation()?;
        let tokens = episode.tokens();
        Some(Self {
            score: evaluation.score,
            solved: evaluation.is_solved,
            missing_variable: EpisodeFailures::of(episode)
                .map(|failures| failures.missing_variable_errors > 0),
            generated_tokens: tokens.and_then(|tokens| tokens.generated),
            all_tokens: tokens.map(|tokens| tokens.total),
            estimated: tokens.is_some_and(|tokens| tokens.estimated),
        })
    }
}

/// An outcome of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The score, 0 to 1.
    Score,
    /// Solved exactly: 0 or 1.
    Solved,
    /// At least one missing-variable error (see [`crate::failures`]): 0 or 1.
    MissingVariable,
    /// Generated tokens, summed over turns.
    GeneratedTokens,
    /// Prompt and generated tokens, summed over turns: an early message counts again at every turn.
    PromptAndGeneratedTokens,
}

impl Outcome {
    /// All outcomes, in the order of tables.
    pub const ALL: [Self; 5] = [
        Self::Score,
        Self::Solved,
        Self::MissingVariable,
        Self::GeneratedTokens,
        Self::PromptAndGeneratedTokens,
    ];

    /// The episode's value, if its files have it.
    pub fn value(self, observation: &Observation) -> Option<f64> {
        let flag = |flag| f64::from(u8::from(flag));
        match self {
            Self::Score => Some(observation.score),
            Self::Solved => Some(flag(observation.solved)),
            Self::MissingVariable => observation.missing_variable.map(flag),
            Self::GeneratedTokens => observation.generated_tokens.map(|count| count as f64),
            Self::PromptAndGeneratedTokens => observation.all_tokens.map(|count| count as f64),
        }
    }

    /// Its title in tables, with the unit.
    pub fn title(self) -> &'static str {
        match self {
            Self::Score => "Score (%)",
            Self::Solved => "Solved (% of episodes)",
            Self::MissingVariable => "With a missing variable (% of episodes)",
            Self::GeneratedTokens => "Generated tokens",
            Self::PromptAndGeneratedTokens => "Prompt + generated tokens, summed over turns",
        }
    }

    /// The factor to the unit of tables.
    pub fn scale(self) -> f64 {
        if self.is_tokens() { 1.0 } else { 100.0 }
    }

    /// Whether its values are 0 or 1, so that their mean is a share.
    pub fn is_share(self) -> bool {
        matches!(self, Self::Solved | Self::MissingVariable)
    }

    /// Whether its values are counts of tokens, for which ratios are shown.
    pub fn is_tokens(self) -> bool {
        matches!(self, Self::GeneratedTokens | Self::PromptAndGeneratedTokens)
    }
}

/// The mean of an outcome's values, which are by task, then seed. The interval of a share is Wilson's, any
/// other is that of the bootstrap over tasks. None without values.
pub fn estimate(values: &[Vec<f64>], outcome: Outcome, bootstrap: &Bootstrap) -> Option<Estimate> {
    if outcome.is_share() {
        let share = share(values)?;
        return Some(Estimate { value: share.share, interval: Some(share.wilson(bootstrap.level)) });
    }
    let by_task: Vec<f64> = values.iter().filter_map(|seeds| mean(seeds)).collect();
    Some(Estimate { value: mean(&by_task)?, interval: bootstrap.mean_interval(&by_task) })
}

/// The share of ones among zeros and ones, by task, then seed.
pub fn share(values: &[Vec<f64>]) -> Option<Proportion> {
    let counts = values.iter().map(|seeds| Counts {
        successes: seeds.iter().filter(|value| **value > 0.0).count(),
        trials: seeds.len(),
    });
    Proportion::of(&counts.collect::<Vec<_>>())
}
