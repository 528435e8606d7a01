//! The raw result of running one block in an instance.

use crate::guest::Reply;
use crate::outcome::Failure;
use crate::tool::ToolRecord;

/// The raw result of one block, before it becomes an [`crate::Outcome`].
pub struct Execution {
    /// The guest's reply, or why it was stopped before it could reply. A stopped instance must not be used
    /// again.
    pub reply: Result<Reply, Failure>,
    /// What the block printed, cut at the limit.
    pub output: String,
    /// Whether output past the limit was dropped.
    pub output_truncated: bool,
    /// The tool calls that were answered, in order.
    pub tool_calls: Vec<ToolRecord>,
    /// Whether the block attempted a tool call past the limit.
    pub tool_call_limit_hit: bool,
    /// The fuel that the block used.
    pub fuel_used: u64,
}
