//! Which episode to play.

use proto::env::v1::TaskSummary;
use proto::trace::Versions;

/// The longest part of an episode's id that a client chooses, in bytes: an id has 128 at most, and a server's name with its full
/// stop 33 of them.
pub const MAX_ID: usize = 95;

/// One episode to play.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The task, as the server lists it.
    pub task: TaskSummary,
    /// The part of the episode's id that the client chooses, never used before. A server may put its name before it.
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
            // Another server may be this one, begun again.
            attempt => {
                let suffix = format!(".{attempt}");
                let start = (self.episode_id.len() + suffix.len()).saturating_sub(MAX_ID);
                format!("{}{suffix}", &self.episode_id[start..])
            }
        };
        Self { episode_id, ..self.clone() }
    }
}
