//! The statistics of an interpreter.

/// The statistics of an interpreter. See [`crate::Interpreter::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The number of steps, failed ones included.
    pub steps: u64,
    /// The fuel of all steps.
    pub fuel_used: u64,
    /// The fuel of steps that were run again to rebuild it, after hibernation or a step that killed it. No step's
    /// fuel includes it.
    pub replayed_fuel: u64,
    /// The tool calls of all steps.
    pub tool_calls: u64,
    /// The size in bytes of a persistent interpreter's memory, shared pages included; 0 if it is not in
    /// memory: after [`crate::Interpreter::hibernate`], and after a step that killed it.
    pub memory_bytes: usize,
    /// The bytes of the host's memory from which the interpreter can be rebuilt.
    pub kept_bytes: usize,
    /// The bytes on disk from which the interpreter can be rebuilt.
    pub kept_on_disk_bytes: usize,
}
