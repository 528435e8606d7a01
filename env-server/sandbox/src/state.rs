//! What belongs to one interpreter on the host's side.

use std::collections::VecDeque;

use wasmtime::ResourceLimiter;

use crate::abi::Access;
use crate::fuel::Allowance;
use crate::limits::Limits;
use crate::tool::{SharedTools, ToolRecord};
use crate::world::World;

/// The state of one interpreter's store.
pub struct State {
    /// The way into the guest's memory, once there is an instance.
    pub access: Option<Access>,
    /// Whether the guest is allocating for the host.
    pub allocating: bool,
    pub world: World,
    pub memory: Memory,
    pub allowance: Allowance,
    pub calls: Calls,
}

impl State {
    /// That of an interpreter that has run nothing yet.
    pub fn new(world: World, limits: &Limits) -> State {
        let memory = Memory { limit: limits.memory_bytes, refused: false };
        State {
            access: None,
            allocating: false,
            world,
            memory,
            allowance: Allowance::unlimited(),
            calls: Calls::default(),
        }
    }
}

/// The limit on the interpreter's memory. A refused growth is a `MemoryError` in the guest.
pub struct Memory {
    limit: usize,
    /// Whether this step asked for more.
    pub refused: bool,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limit;
        self.refused |= !allowed;
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}

/// The tool calls of the step that runs.
#[derive(Default)]
pub struct Calls {
    pub answers: Answers,
    /// Calls that may still be made.
    pub left: u32,
    /// The limit that `left` started from.
    pub limit: u32,
    /// Bytes that calls may still carry.
    pub bytes_left: usize,
    /// The calls so far.
    pub made: Vec<ToolRecord>,
    /// Whether a call past the limit was tried.
    pub limit_hit: bool,
    /// Fuel taken away from the step when it hit the limit.
    pub fuel_withheld: u64,
}

/// Who answers tool calls.
#[derive(Default)]
pub enum Answers {
    /// Nobody: no step runs.
    #[default]
    None,
    /// The tools.
    Tools(SharedTools),
    /// The record of the same step, run before.
    Recorded(VecDeque<ToolRecord>),
}
