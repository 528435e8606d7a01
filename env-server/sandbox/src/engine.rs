//! The WebAssembly engine: how code is compiled, and where interpreters live.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::sandbox::Options;

/// The machine stack of a running step. CPython stops a recursion by the megabyte of stack that it has in its
/// own memory; by then compiled code has used up to 20 MiB of this one, which must not overflow first: a
/// RecursionError is the agent's to catch. More than threads have, so steps run on stacks of the engine's.
const GUEST_STACK_BYTES: usize = 32 << 20;
/// What tools may use of that stack beyond the guest.
const HOST_STACK_BYTES: usize = 2 << 20;

/// A stack stays with its interpreter. While one has the guest allocate, it needs a second: so many can do that at the
/// same time.
const SPARE_STACKS: u32 = 256;

// What the module is made of. Generous; they cost address space.
const TABLES: u32 = 2;
const TABLE_ELEMENTS: usize = 10_000;
const INSTANCE_BYTES: usize = 4 << 20;

/// An engine with room for `options.max_interpreters` interpreters.
pub fn new(options: &Options) -> wasmtime::Result<Engine> {
    // One more: what all start as.
    let count = options.max_interpreters.saturating_add(1);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(count)
        .total_memories(count)
        .total_tables(count.saturating_mul(TABLES))
        .total_stacks(count.saturating_add(SPARE_STACKS))
        .max_memories_per_module(1)
        .max_tables_per_module(TABLES)
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
        .max_wasm_stack(GUEST_STACK_BYTES)
        .async_stack_size(GUEST_STACK_BYTES + HOST_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        // The same bits on every kind of processor.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // Nobody reads the guest's own backtraces.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    Engine::new(&config)
}
