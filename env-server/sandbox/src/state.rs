//! The host's side of one instance: the data of its wasmtime store.

use std::collections::VecDeque;

use wasmtime::ResourceLimiter;

use crate::abi::Access;
use crate::budget::Share;
use crate::fuel::Allowance;
use crate::limits::Limits;
use crate::tool::{SharedTools, ToolRecord};
use crate::world::World;

/// The data of one instance's store.
pub struct State {
    /// Access to the guest's memory; `None` until the instance is created.
    pub access: Option<Access>,
    /// Whether a call of the guest's allocator is in progress.
    pub allocating: bool,
    pub world: World,
    pub memory: Memory,
    pub allowance: Allowance,
    pub calls: Calls,
}

impl State {
    /// The state of an instance that has not run any code.
    pub fn new(world: World, limits: &Limits, share: Share) -> State {
        let memory = Memory { limit: limits.memory_bytes, refused: false, share };
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

/// The limit of the guest's memory. A growth beyond it is refused, which is a `MemoryError` in Python. A growth for which the
/// process has no room ends the step, since nothing but the agent's code may decide what Python sees.
pub struct Memory {
    limit: usize,
    /// Whether a growth was refused during this step.
    pub refused: bool,
    /// What it takes of the budget.
    share: Share,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limit;
        self.refused |= !allowed;
        // The first pages are shared by all instances until they are written.
        if allowed && current > 0 {
            self.share.grow_large(desired - current)?;
        }
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

/// The tool calls of the current step.
#[derive(Default)]
pub struct Calls {
    pub answers: Answers,
    /// The number of calls that are still allowed.
    pub left: u32,
    /// The initial value of `left`.
    pub limit: u32,
    /// The bytes that calls and answers may still carry.
    pub bytes_left: usize,
    /// The calls answered so far.
    pub made: Vec<ToolRecord>,
    /// Whether a call past the limit was attempted.
    pub limit_hit: bool,
    /// The fuel taken from the step when it hit the limit.
    pub fuel_withheld: u64,
}

/// The source of the answers to tool calls.
#[derive(Default)]
pub enum Answers {
    /// None: no step is running.
    #[default]
    None,
    /// The tools.
    Tools(SharedTools),
    /// The recorded calls of the step that is replayed.
    Recorded(VecDeque<ToolRecord>),
}
