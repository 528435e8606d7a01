//! What a step gave.

use std::time::Duration;

use crate::tool::ToolRecord;

/// The answer to one block of code. Whatever the agent's code did is told here.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Whether the block ran to its end.
    pub success: bool,
    /// What it printed, also when it failed.
    pub output: String,
    /// Whether it printed more than [`crate::Limits::output_bytes`], and the rest was dropped.
    pub output_truncated: bool,
    /// What went wrong, as the agent is to read it. `None` exactly where `success`.
    pub error: Option<String>,
    /// The same, typed.
    pub failure: Option<Failure>,
    /// The names that the agent has defined, sorted. Always empty in a resetting interpreter.
    pub globals: Vec<String>,
    /// What the block's top level stored; empty unless [`crate::Config::record_definitions`] asks for it.
    pub definitions: Vec<Definition>,
    /// The fuel it used (see [`crate::Limits::fuel`]). In a resetting interpreter too, starting up is free.
    pub fuel_used: u64,
    /// The time it took, tools' own time included, and a new interpreter's start where it needed one.
    pub wall: Duration,
    /// The tool calls that happened, in order. The call past the limit is not one of them.
    pub tool_calls: Vec<ToolRecord>,
}

/// Why a step failed. After the last five, a persistent interpreter is as it was before the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The code raised.
    Exception {
        /// The exception's class name, such as `NameError`.
        type_name: String,
    },
    /// The code does not compile. Nothing was run.
    Syntax,
    /// The step made one tool call too many. What it did before stays, unless it would not end even then: such
    /// a step is killed, and the interpreter is as it was before it.
    ToolCallLimit,
    /// The step used up its fuel.
    OutOfFuel,
    /// The step took too long.
    WallClock,
    /// The step needed too much memory.
    OutOfMemory,
    /// The code is too long. Nothing was run.
    CodeTooLarge,
    /// The interpreter ended: `os._exit`, or a crash.
    Crashed,
}

/// A name that a block's top level stored and that is bound after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name.
    pub name: String,
    /// 16 hexadecimal digits: equal for equal data, and for functions with the same code and defaults
    /// wherever they stand. Values of other kinds, and large ones, are left out.
    pub digest: String,
}
