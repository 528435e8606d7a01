//! The raw result of running one block in an instance.

use crate::guest::Reply;
use crate::outcome::Failure;
use crate::tool::ToolRecord;

/// The raw result of one block, before it becomes an [`crate::Outcome`].
pub struct Execution {
    /// The guest's reply, or why it was stopped before it could reply. A stopped instance must not be used
    /// again.
    pub reply: Result<Reply, Failure>,
    /// What the block wrote to standard output, cut at the limit.
    pub output: String,
    /// The bytes of it past the limit.
    pub output_left_out: u64,
    /// What the block wrote to standard error, cut at the limit.
    pub error_output: String,
    /// The bytes of it past the limit.
    pub error_output_left_out: u64,
    /// The tool calls that were answered, in order.
    pub tool_calls: Vec<ToolRecord>,
    /// Whether the block attempted a tool call past the limit.
    pub tool_call_limit_hit: bool,
    /// The fuel that the block used.
    pub fuel_used: u64,
}
