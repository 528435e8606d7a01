//! The WebAssembly engine: how code is compiled, where instances are placed, and how a call into one is run.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::options::Options;

/// The machine stack of a running step. CPython limits recursion by its own stack, one megabyte in the
/// guest's memory; `build/flatten/stack.rs` sees to it that every recursion uses that. The machine stack must not
/// overflow first, because a `RecursionError` can be caught by the agent and a stack overflow cannot. Threads have
/// smaller stacks, so steps run on stacks of the engine.
const GUEST_STACK_BYTES: usize = 64 << 20;
/// The part of that stack reserved for host functions, tools included.
const HOST_STACK_BYTES: usize = 2 << 20;

/// Stacks beyond one per instance. An instance needs a second one while the host calls the guest's allocator,
/// so this bounds the number of instances that do so at the same time.
const SPARE_STACKS: u32 = 256;

/// What a stack that nobody uses keeps in memory.
const STACK_RESIDENT_BYTES: usize = 16 << 10;

// Upper bounds of the guest module's parts. They are generous: they cost only address space.
const TABLES: u32 = 2;
const TABLE_ELEMENTS: usize = 10_000;
const INSTANCE_BYTES: usize = 4 << 20;

/// Makes an engine with room for `options.max_interpreters` interpreters.
pub fn new(options: &Options) -> wasmtime::Result<Engine> {
    // One more for the pristine instance.
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
        // The pages that an interpreter wrote are overwritten for the next one instead of unmapped: copying
        // is cheaper than page faults.
        .linear_memory_keep_resident(options.keep_resident_bytes)
        .pagemap_scan(Enabled::Auto)
        // An interpreter keeps its stack from step to step. When it ends, the stack goes back to the system, but for its top.
        .async_stack_keep_resident(STACK_RESIDENT_BYTES);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_init_cow(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .async_stack_size(GUEST_STACK_BYTES + HOST_STACK_BYTES)
        .async_stack_zeroing(true)
        .cranelift_opt_level(OptLevel::Speed)
        // The same bits on every processor.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // The guest's WebAssembly backtraces are not used.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false);
    Engine::new(&config)
}

/// Suspends a call once. Whoever polls it decides when it goes on.
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs a call into an instance to its end on this thread. The call has a stack of the engine. Where it yields
/// ([`crate::fuel`]), it goes on at once, and where a tool answers later, it asks again and again: only for tools that answer
/// at once. It waits for nothing else, since the guest's time is virtual.
pub fn block_on<F: Future>(call: F) -> F::Output {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = call.as_mut().poll(&mut context) {
            return result;
        }
    }
}
