//! The WebAssembly engine: how code is compiled, where interpreters live, and the beat of the wall-clock stop.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::sandbox::Options;

/// How often wall-clock limits are looked at.
pub const BEAT: Duration = Duration::from_millis(10);

/// The machine stack of a running step. CPython stops a recursion by the megabyte of stack that it has in its
/// own memory; by then compiled code has used up to 20 MiB of this one, which must not overflow first: a
/// RecursionError is the agent's to catch. More than threads have, so steps run on stacks of the engine's.
const GUEST_STACK_BYTES: usize = 32 << 20;
/// What tools may use of that stack beyond the guest.
const HOST_STACK_BYTES: usize = 2 << 20;

// What the component is made of: core instances, tables and their sizes. Generous; they cost address space.
const CORE_INSTANCES: u32 = 100;
const TABLES: u32 = 20;
const TABLE_ELEMENTS: usize = 30_000;
const INSTANCE_BYTES: usize = 4 << 20;

/// An engine with room for `options.max_interpreters` interpreters.
pub fn new(options: &Options) -> wasmtime::Result<Engine> {
    let count = options.max_interpreters;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count)
        .total_core_instances(count.saturating_mul(CORE_INSTANCES))
        .total_memories(count)
        .total_tables(count.saturating_mul(TABLES))
        .total_stacks(count)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(options.max_memory_bytes)
        // Pages that an interpreter wrote are overwritten for the next one instead of unmapped: faulting them
        // in again costs more than copying.
        .linear_memory_keep_resident(options.keep_resident_bytes)
        .pagemap_scan(Enabled::Auto);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .async_stack_size(GUEST_STACK_BYTES + HOST_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        // The same bits on every kind of processor.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // Nobody reads the guest's own backtraces.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .concurrency_support(false);
    Engine::new(&config)
}

/// The thread that counts beats for an engine. Stops when dropped.
pub struct Heart {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    /// Starts counting.
    pub fn start(engine: &Engine) -> std::io::Result<Heart> {
        let (stop, stopped) = mpsc::channel::<()>();
        let engine = engine.clone();
        let thread = thread::Builder::new().name("sandbox-heart".into()).spawn(move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        })?;
        Ok(Heart { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
