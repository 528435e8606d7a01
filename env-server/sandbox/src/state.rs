//! What one interpreter may touch of the host: a virtual world of its own.

use std::collections::VecDeque;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::clock::VirtualClock;
use crate::stdout::Stdout;
use crate::tool::{SharedTools, ToolRecord};

/// The state of one interpreter's store.
pub struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub clock: VirtualClock,
    pub stdout: Stdout,
    pub memory: Memory,
    pub calls: Calls,
}

impl State {
    /// No files, no environment, no arguments, no network; time and randomness follow from the seed.
    pub fn new(seed: u64, memory_bytes: usize) -> State {
        let clock = VirtualClock::default();
        let stdout = Stdout::default();
        let wasi = WasiCtxBuilder::new()
            .stdout(stdout.clone())
            .wall_clock(clock.clone())
            .secure_random(ChaCha8Rng::seed_from_u64(seed))
            .insecure_random(ChaCha8Rng::seed_from_u64(seed ^ 1))
            .insecure_random_seed(u128::from(seed))
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        let memory = Memory { limit: memory_bytes, refused: false, size: 0 };
        State { wasi, table: ResourceTable::new(), clock, stdout, memory, calls: Calls::default() }
    }

    /// Where the guest's handles live.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The limit on the interpreter's memory. A refused growth is a `MemoryError` in the guest.
pub struct Memory {
    limit: usize,
    /// Whether this step asked for more.
    pub refused: bool,
    /// What the interpreter has now.
    pub size: usize,
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
        if allowed {
            self.size = desired;
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| _desired <= maximum))
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
    Live(SharedTools),
    /// The record of the same step, run before.
    Recorded(VecDeque<ToolRecord>),
}
