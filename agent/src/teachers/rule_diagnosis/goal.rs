//! What a policy's next block is for; both habits have the same goals.

/// What the next block is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Probe these inputs, the first ones.
    Probe(Vec<i64>),
    /// Find the rules that fit. Where the budget allows it, one more input is probed: for `a * x + b` to confirm the
    /// rule, otherwise to tell the rules apart.
    Solve { probes: bool },
    /// Submit the rules that fit, from an index on, as many as a step allows.
    Submit { from: usize },
    /// End the episode.
    Finish,
}
