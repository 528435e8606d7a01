//! What a training on its own episodes (`trainer grpo`) measured of them, over steps.

use proto::training::{Line, Played, Values};
use serde::{Deserialize, Serialize};

use super::points::Points;

/// Means over the episodes of a step, over steps. The policy draws its tokens at random in them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learning {
    /// The reward, 0 to 1.
    pub reward: Points,
    /// Missing-variable errors of an episode.
    pub missing_variables: Points,
    /// Names of an episode that were bound to the value that they had.
    pub names_redefined: Points,
    /// Tokens that the model wrote in an episode.
    pub completion_tokens: Points,
    /// Tokens that the model wrote in all episodes of a step; what forked episodes share was written once.
    pub generated_tokens: Points,
    /// Steps that all episodes of a step took in the environment; what forked episodes share was taken once.
    pub env_steps: Points,
}

impl Learning {
    /// The measures in a training's lines; none of a training on samples.
    pub fn of(lines: &[Line]) -> Option<Self> {
        let points = |value: fn(&Played) -> f64| {
            let of_line = |line: &Line| match &line.values {
                Values::Step { played: Some(played), .. } => Some((line.step, value(played))),
                _ => None,
            };
            Points::thinned(lines.iter().filter_map(of_line).collect())
        };
        let learning = Self {
            reward: points(|played| played.reward),
            missing_variables: points(|played| played.missing_variables),
            names_redefined: points(|played| played.names_redefined),
            completion_tokens: points(|played| played.completion_tokens),
            generated_tokens: points(|played| played.generated_tokens as f64),
            env_steps: points(|played| played.env_steps as f64),
        };
        (!learning.reward.step.is_empty()).then_some(learning)
    }
}
