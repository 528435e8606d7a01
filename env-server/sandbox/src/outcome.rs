//! The outcome of a step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::tool::ToolRecord;

/// The outcome of one block of code, whether it succeeded or failed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether the block ran to its end.
    pub success: bool,
    /// What the block wrote to standard output, also if it failed.
    pub output: String,
    /// The bytes of standard output past [`crate::Limits::output_bytes`], which were left out.
    pub output_left_out: u64,
    /// What the block wrote to standard error, also if it failed: warnings, logs, tracebacks that it printed. The
    /// exception that ended it is not in it: that is [`Outcome::error`].
    pub error_output: String,
    /// The bytes of standard error past [`crate::Limits::error_output_bytes`], which were left out.
    pub error_output_left_out: u64,
    /// The failure as a text for the agent. `None` if and only if `success`.
    pub error: Option<String>,
    /// The failure as a type. `None` if and only if `success`.
    pub failure: Option<Failure>,
    /// The names that the agent has defined, sorted. Always empty in a resetting interpreter.
    pub globals: Vec<String>,
    /// What the block's top level stored. Empty unless [`crate::Config::record_definitions`] is set.
    pub definitions: Vec<Definition>,
    /// Whether the block's effects on a persistent interpreter stay, so that whoever rebuilds the interpreter runs it again.
    /// Always false in a resetting interpreter.
    pub kept: bool,
    /// The fuel that the block used (see [`crate::Limits::fuel`]). Starting an interpreter uses none.
    pub fuel_used: u64,
    /// The duration of the step, including the time spent in tools and in starting or waking the interpreter.
    pub wall: Duration,
    /// The answered tool calls, in order. A call past the limit is not among them.
    pub tool_calls: Vec<ToolRecord>,
}

/// Why a step failed. Unless a variant says otherwise, the effects of the step on a persistent interpreter
/// are undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The code raised an exception. Its effects up to there persist.
    Exception {
        /// The exception's class name, such as `NameError`.
        type_name: String,
    },
    /// The code does not compile. Nothing was run.
    Syntax,
    /// The step attempted more tool calls than [`crate::Limits::tool_calls`]. Its earlier effects persist,
    /// unless the code did not end even then: such a step is killed and undone.
    ToolCallLimit,
    /// The step used up its fuel.
    OutOfFuel,
    /// The step exceeded the wall-clock limit.
    WallClock,
    /// The step needed more memory than allowed.
    OutOfMemory,
    /// The code is longer than allowed. Nothing was run.
    CodeTooLarge,
    /// The interpreter ended: through `os._exit`, or by a crash.
    Crashed,
}

/// The longest `type_name` of a [`Failure::Exception`], in bytes. The agent's code chooses the name.
pub(crate) const TYPE_NAME_BYTES: usize = 500;

/// A name that the block's top level stored and that is still bound at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The name.
    pub name: String,
    /// 16 hexadecimal digits: equal for equal data, and for functions with the same code and defaults,
    /// wherever they were defined. Large values and values of other kinds have no definition.
    pub digest: String,
}
