//! An instance of the guest, in a store of its own.

use std::time::Instant;

use wasmtime::{Trap, Val};

use crate::budget::NoMemory;
use crate::calls::Diverged;
use crate::config::Config;
use crate::engine::block_on;
use crate::error::{Error, Fault};
use crate::execution::Execution;
use crate::fuel::{self, Allowance};
use crate::guest::Reply;
use crate::host::Host;
use crate::limits::Limits;
use crate::outcome::{Failure, TYPE_NAME_BYTES};
use crate::pages::{self, PAGE_BYTES};
use crate::pool::Placed;
use crate::seeds::Seeds;
use crate::snapshot::{Snapshot, TooLarge};
use crate::state::{Answers, Calls, State};
use crate::stop::{Stop, Stopped};
use crate::world::World;

/// An instance of the guest. Its state is its memory, its variables and its world.
pub struct Instance {
    placed: Placed,
}

impl Instance {
    /// Starts an instance that is ready for its first block.
    pub async fn start(host: &Host, config: &Config, seeds: Seeds) -> Result<Instance, Error> {
        let world = World::new(seeds.system, config.limits.scratch_bytes);
        let mut placed = host.pool.instantiate(world, &config.limits)?;
        let started = placed.python.start(&mut placed.store, seeds.python, config).await;
        started.map_err(|error| host.pool.start_error(error))?;
        Ok(Instance { placed })
    }

    /// Creates an instance in the state that a snapshot holds.
    pub async fn restore(host: &Host, limits: &Limits, snapshot: &Snapshot) -> Result<Instance, Error> {
        let (world, memory_bytes) = (snapshot.world().clone(), snapshot.memory_bytes());
        let mut instance = Instance::of_size(host, limits, world, memory_bytes, snapshot.variables())?;
        snapshot.write_to(instance.memory_mut(), host.pristine()).await?;
        Ok(instance)
    }

    /// A snapshot of its state between two steps, of which the second one has the index `before`.
    ///
    /// # Errors
    /// It would hold more than `max_bytes` of memory.
    pub async fn snapshot(
        &mut self,
        host: &Host,
        before: u64,
        max_bytes: usize,
    ) -> Result<Snapshot, TooLarge> {
        let (variables, world) = (self.variables(), self.world().clone());
        Snapshot::take(host, before, self.memory(), variables, world, max_bytes).await
    }

    /// Creates a copy of this instance.
    pub fn fork(&mut self, host: &Host, limits: &Limits) -> Result<Instance, Error> {
        let (world, variables) = (self.world().clone(), self.variables());
        let memory = self.memory();
        let changed = pages::changed(memory, host.pristine());
        let mut copy = Instance::of_size(host, limits, world, memory.len(), &variables)?;
        for at in changed {
            copy.memory_mut()[at..at + PAGE_BYTES].copy_from_slice(&memory[at..at + PAGE_BYTES]);
        }
        Ok(copy)
    }

    /// Creates an instance whose memory is pristine, apart from its size.
    fn of_size(
        host: &Host,
        limits: &Limits,
        world: World,
        memory_bytes: usize,
        variables: &[i32],
    ) -> Result<Instance, Error> {
        let failed = |error: wasmtime::Error| host.pool.start_error(error);
        let mut placed = host.pool.instantiate(world, limits)?;
        let (memory, store) = (placed.python.access.memory, &mut placed.store);
        let more = memory_bytes.saturating_sub(memory.data_size(&*store)) as u64;
        if more > 0 {
            let pages = more / memory.page_size(&*store);
            block_on(memory.grow_async(store, pages)).map_err(failed)?;
        }
        let mut instance = Instance { placed };
        instance.set_variables(variables).map_err(failed)?;
        Ok(instance)
    }

    /// The size of its memory in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.memory().len()
    }

    /// Its memory between two steps.
    pub fn memory(&self) -> &[u8] {
        self.placed.python.access.memory.data(&self.placed.store)
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        self.placed.python.access.memory.data_mut(&mut self.placed.store)
    }

    /// The values of its mutable globals between two steps.
    pub fn variables(&mut self) -> Vec<i32> {
        self.placed
            .python
            .variables
            .iter()
            .map(|variable| variable.get(&mut self.placed.store).unwrap_i32())
            .collect()
    }

    /// Its world.
    pub fn world(&self) -> &World {
        &self.placed.store.data().world
    }

    /// Runs one block. The instance must not be used again after an error.
    ///
    /// # Errors
    /// The tool calls of a replayed block differ from the recorded ones, or the block was not run to its end.
    pub async fn run(
        &mut self,
        code: &str,
        limits: &Limits,
        answers: Answers,
        stop: &Stop,
    ) -> Result<Execution, Unfinished> {
        // A replayed block ended within the wall-clock limit the first time. It has no deadline, so that a
        // busier machine cannot stop it.
        let replay = matches!(answers, Answers::Recorded(_));
        let deadline = if replay { None } else { Instant::now().checked_add(limits.wall_clock) };
        let tank = self.placed.python.access.fuel;
        let _ = tank.fill(&mut self.placed.store, Allowance::new(limits.fuel, deadline).stopped_by(stop));
        let state = self.placed.store.data_mut();
        state.world.stdout.clear(limits.output_bytes);
        state.world.stderr.clear(limits.error_output_bytes);
        state.memory.refused = false;
        state.calls = Calls {
            answers,
            left: limits.tool_calls,
            limit: limits.tool_calls,
            bytes_left: limits.tool_bytes,
            ..Calls::default()
        };

        // A few bytes more than are shown, so that a cut can be detected and marked.
        let max_text_bytes = limits.output_bytes.max(TYPE_NAME_BYTES) + 8;
        let variables = self.variables();
        let result = self.placed.python.run(&mut self.placed.store, code, max_text_bytes).await;

        let fuel_left = tank.left(&mut self.placed.store);
        let fuel_taken = limits.fuel.min(fuel::MAX) - fuel_left;
        stop.note_fuel(fuel_taken);
        let calls = std::mem::take(&mut self.placed.store.data_mut().calls);
        let reply = match result {
            Err(error) if error.is::<Diverged>() => return Err(Unfinished::Diverged),
            Err(error) if error.is::<Stopped>() => return Err(Unfinished::Stopped),
            Err(error) if error.is::<Fault>() => return Err(Unfinished::faulty(error)),
            Err(ref error) if let Some(no_memory) = error.downcast_ref() => {
                return Err(Unfinished::NoMemory(*no_memory));
            }
            Err(_) if calls.limit_hit => Err(Failure::ToolCallLimit),
            Err(error) => {
                let failure = why_killed(&error, self.placed.store.data());
                self.flush(&variables).await;
                Err(failure)
            }
            Ok(reply) if self.placed.store.data().memory.refused && raised_memory_error(&reply) => {
                Err(Failure::OutOfMemory)
            }
            Ok(reply) => Ok(reply),
        };
        let state = self.placed.store.data_mut();
        let (output, output_left_out) = state.world.stdout.take();
        let (error_output, error_output_left_out) = state.world.stderr.take();
        Ok(Execution {
            reply,
            output,
            output_left_out,
            error_output,
            error_output_left_out,
            tool_calls: calls.made,
            tool_call_limit_hit: calls.limit_hit,
            fuel_used: fuel_taken - calls.fuel_withheld,
        })
    }

    /// Lets a stopped guest write what is pending in its standard streams, such as a line without its end. The guest
    /// may be broken and fail here too; then that is lost. `variables` are those that the block began with: with them
    /// the guest has its whole stack again.
    async fn flush(&mut self, variables: &[i32]) {
        let _ = self.placed.python.access.fuel.fill(&mut self.placed.store, Allowance::new(FLUSH_FUEL, None));
        let _ = self.set_variables(variables);
        let _ = self.placed.python.flush(&mut self.placed.store).await;
    }

    fn set_variables(&mut self, variables: &[i32]) -> wasmtime::Result<()> {
        for (variable, value) in self.placed.python.variables.iter().zip(variables) {
            variable.set(&mut self.placed.store, Val::I32(*value))?;
        }
        Ok(())
    }
}

/// Why a block came to no result.
#[derive(Debug)]
pub enum Unfinished {
    /// A replayed block made other tool calls than the first time.
    Diverged,
    /// Someone stopped it.
    Stopped,
    /// The process has no room for it.
    NoMemory(NoMemory),
    /// A tool call has no answer.
    Fault(Fault),
}

impl Unfinished {
    fn faulty(error: wasmtime::Error) -> Self {
        match error.downcast() {
            Ok(fault) => Self::Fault(fault),
            Err(error) => Self::Fault(Fault(error.into())),
        }
    }
}

/// The fuel for writing what a stopped block left in its streams.
const FLUSH_FUEL: u64 = 10_000_000;

fn why_killed(error: &wasmtime::Error, state: &State) -> Failure {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Failure::OutOfFuel,
        Some(Trap::Interrupt) => Failure::WallClock,
        // CPython aborts if an allocation that it cannot do without fails.
        _ if state.memory.refused => Failure::OutOfMemory,
        _ => {
            tracing::debug!(error = format!("{error:#}"), "an interpreter crashed");
            Failure::Crashed
        }
    }
}

fn raised_memory_error(reply: &Reply) -> bool {
    reply.failure.as_ref().is_some_and(|failure| failure.type_name == "MemoryError")
}
