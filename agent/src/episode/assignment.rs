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
