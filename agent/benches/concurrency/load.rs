//! What is played.

use std::time::Duration;

/// Conversations at once.
pub const AT_ONCE: usize = 200;
/// Turns of each.
pub const TURNS: usize = 20;
/// How long the model takes for an answer.
pub const LATENCY: Duration = Duration::from_millis(50);
