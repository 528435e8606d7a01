//! The limits of one step.

use std::time::Duration;

/// The limits of one step. They apply to each step separately, except [`Limits::memory_bytes`] and
/// [`Limits::scratch_bytes`], which bound what the interpreter holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel: about one unit per WebAssembly instruction. Deterministic: the same code uses the same fuel on
    /// every machine. 10^10 units are about one second of work, or four million iterations of a simple loop.
    pub fuel: u64,
    /// A safety stop that includes the time spent in tools. Not deterministic, so it should lie far above the
    /// time that `fuel` allows. It is checked after every 10 ms or so of fuel.
    pub wall_clock: Duration,
    /// The interpreter's memory in bytes, in steps of 64 KiB. About 46 MB of it are in use from the start.
    pub memory_bytes: usize,
    /// Bytes of standard output that are kept; further output is dropped. The error text is cut at the same
    /// length.
    pub output_bytes: usize,
    /// Bytes of code in one block.
    pub code_bytes: usize,
    /// The number of tool calls. The next call ends the step.
    pub tool_calls: u32,
    /// Bytes of all tool calls together: names, arguments and answers. A call that exceeds them raises in the
    /// agent's code. Arguments count by their size in the host's memory: some 100 bytes for each argument and
    /// for each value in a list or a dict.
    pub tool_bytes: usize,
    /// Bytes of the interpreter's files, which are kept in the host's memory: their contents, and 512 bytes
    /// for each file and directory. Files persist until the interpreter is dropped or resets.
    pub scratch_bytes: usize,
}

impl Default for Limits {
    /// 10^11 units of fuel (some ten seconds of work), 60 s, 256 MiB of memory, 64 KiB of output, 256 KiB of
    /// code, 25 tool calls of 1 MiB together, 16 MiB of files.
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
