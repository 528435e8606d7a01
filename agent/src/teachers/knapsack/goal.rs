//! What a policy's next block is for; the persistent and the reset policy have the same goals.

/// What the next block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Inspect items `from..to`, in the order of inspection.
    Inspect { from: usize, to: usize },
    /// Find the best set.
    Choose,
    /// Find the best set and take it.
    ChooseAndTake,
    /// Take the chosen items from index `from` on, as many as a step allows.
    Take { from: usize },
    /// End the episode.
    Finish,
}
