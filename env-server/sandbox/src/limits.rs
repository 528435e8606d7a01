//! What one step may use.

use std::time::Duration;

/// Limits of one step. A new step starts with all of them full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// WebAssembly instructions, about. Deterministic: the same code uses the same fuel on every machine.
    /// Ten thousand million are about a second of work, or four million rounds of a simple loop.
    pub fuel: u64,
    /// A safety stop, tools' own time included. Not deterministic, so it should lie far above what `fuel`
    /// allows; it is checked whenever some 10 ms of fuel are used up.
    pub wall_clock: Duration,
    /// The interpreter's memory in bytes, in steps of 64 KiB. It starts with about 46 MB of it used.
    pub memory_bytes: usize,
    /// Bytes of standard output that are kept; what is printed past them is dropped. The error text is cut
    /// at the same length.
    pub output_bytes: usize,
    /// Bytes of code in one block.
    pub code_bytes: usize,
    /// Tool calls; the call past them ends the step.
    pub tool_calls: u32,
    /// Bytes that the tool calls carry, names, arguments and answers together. A call past them is refused in
    /// the agent's code. Arguments count as what they take of the host's memory: some 100 bytes each, and as many
    /// for each value in a list or a dict.
    pub tool_bytes: usize,
    /// Bytes of the interpreter's files, which live in its host's memory: contents, and some 256 for each file and
    /// directory. Not of a step alone: they are there until the interpreter ends, or resets.
    pub scratch_bytes: usize,
}

impl Default for Limits {
    /// 100 thousand million instructions (some ten seconds of work), 60 s, 256 MiB of memory, 64 KiB of output,
    /// 256 KiB of code, 25 tool calls of 1 MiB together, 16 MiB of files.
    fn default() -> Self {
        Limits {
            fuel: 100_000_000_000,
            wall_clock: Duration::from_secs(60),
            memory_bytes: 256 << 20,
            output_bytes: 64 << 10,
            code_bytes: 256 << 10,
            tool_calls: 25,
            tool_bytes: 1 << 20,
            scratch_bytes: 16 << 20,
        }
    }
}
