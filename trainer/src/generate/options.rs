//! The limits of an engine.

/// The limits of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most generations at the same time.
    pub max_batch: usize,
    /// Most tokens of prompt and answer together.
    pub context: usize,
    /// Most requests that wait for a place in the batch.
    pub queue: usize,
}
