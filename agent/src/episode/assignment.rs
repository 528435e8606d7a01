//! Which episode to play.

use proto::env::v1::TaskSummary;
use proto::trace::Versions;

/// One episode to play.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The task, as the server lists it.
    pub task: TaskSummary,
    /// The episode's id, chosen by the client and never used before.
    pub episode_id: String,
    /// Seed of the model's randomness.
    pub policy_seed: u64,
    /// Versions of everything that takes part.
    pub versions: Versions,
}

impl Assignment {
    /// The same for another attempt, which has an episode id of its own; 0 is the first.
    pub fn again(&self, attempt: u32) -> Self {
        let episode_id = match attempt {
            0 => self.episode_id.clone(),
            // Another server may be this one, begun again: its ids are at most 128 characters.
            attempt => {
                let suffix = format!(".{attempt}");
                let start = (self.episode_id.len() + suffix.len()).saturating_sub(128);
                format!("{}{suffix}", &self.episode_id[start..])
            }
        };
        Self { episode_id, ..self.clone() }
    }
}
