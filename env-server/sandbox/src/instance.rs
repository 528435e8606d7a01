//! A started interpreter: one instance of the guest, in a store of its own.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use wasmtime::{Store, Trap, Val};

use crate::calls::Diverged;
use crate::error::Error;
use crate::fuel::{self, Allowance};
use crate::guest::{Python, Reply};
use crate::interpreter::{Config, TYPE_NAME_BYTES};
use crate::limits::Limits;
use crate::outcome::Failure;
use crate::pages::{self, PAGE_BYTES};
use crate::sandbox::Sandbox;
use crate::snapshot::Snapshot;
use crate::state::{Answers, Calls, State};
use crate::tool::ToolRecord;
use crate::world::World;

pub struct Instance {
    store: Store<State>,
    python: Python,
}

/// How a block ended, and what it did up to there.
pub struct Ended {
    /// The guest's reply, or why there is none: then the instance must not be used again.
    pub reply: Result<Reply, Failure>,
    pub output: String,
    pub output_truncated: bool,
    pub tool_calls: Vec<ToolRecord>,
    pub tool_call_limit_hit: bool,
    pub fuel_used: u64,
}

impl Instance {
    /// An interpreter that is ready for its first block.
    pub fn start(sandbox: &Sandbox, config: &Config) -> Result<Instance, Error> {
        let world = World::new(config.seed, config.limits.scratch_bytes);
        let Instance { mut store, python } = Instance::instantiate(sandbox, world, &config.limits)?;
        finish(python.start(&mut store, config.seed, &config.tools, config.record_definitions))
            .map_err(|error| sandbox.start_error(error))?;
        Ok(Instance { store, python })
    }

    /// An instance that has run nothing yet.
    pub fn instantiate(sandbox: &Sandbox, world: World, limits: &Limits) -> Result<Instance, Error> {
        let failed = |error| sandbox.start_error(error);
        let mut store = Store::new(sandbox.engine(), State::new(world, limits));
        store.limiter(|state| &mut state.memory);
        let python = finish(sandbox.instantiate(&mut store)).map_err(failed)?;
        store.data_mut().access = Some(python.access.clone());
        Ok(Instance { store, python })
    }

    /// Which Python this is, such as `3.14.0`.
    pub fn version(mut self) -> Result<String, Error> {
        finish(self.python.version(&mut self.store)).map_err(|error| Error::Start(error.into()))
    }

    /// The bytes of memory that it has.
    pub fn memory_bytes(&self) -> usize {
        self.memory().len()
    }

    /// Its memory, between steps.
    pub fn memory(&self) -> &[u8] {
        self.python.access.memory.data(&self.store)
    }

    /// The rest of its state, between steps: the guest's variables.
    pub fn variables(&mut self) -> Vec<i32> {
        self.python.variables.iter().map(|variable| variable.get(&mut self.store).unwrap_i32()).collect()
    }

    /// And its world.
    pub fn world(&self) -> &World {
        &self.store.data().world
    }

    /// An interpreter that goes on from a snapshot.
    pub fn restore(sandbox: &Sandbox, limits: &Limits, snapshot: &Snapshot) -> Result<Instance, Error> {
        let (world, memory_bytes) = (snapshot.world.clone(), snapshot.memory_bytes());
        Instance::with_state(sandbox, limits, world, memory_bytes, &snapshot.variables, |memory| {
            snapshot.write_to(memory, sandbox.pristine())
        })
    }

    /// A second one, in the same state.
    pub fn fork(&mut self, sandbox: &Sandbox, limits: &Limits) -> Result<Instance, Error> {
        let (world, variables) = (self.world().clone(), self.variables());
        let memory = self.memory();
        let places = pages::that_differ(memory, sandbox.pristine());
        Instance::with_state(sandbox, limits, world, memory.len(), &variables, |to| {
            for place in places {
                to[place..place + PAGE_BYTES].copy_from_slice(&memory[place..place + PAGE_BYTES]);
            }
            Ok(())
        })
    }

    fn with_state(
        sandbox: &Sandbox,
        limits: &Limits,
        world: World,
        memory_bytes: usize,
        variables: &[i32],
        write: impl FnOnce(&mut [u8]) -> Result<(), Error>,
    ) -> Result<Instance, Error> {
        let failed = |error: wasmtime::Error| Error::Start(error.into());
        let mut instance = Instance::instantiate(sandbox, world, limits)?;
        let memory = instance.python.access.memory;
        let more = memory_bytes.saturating_sub(instance.memory_bytes()) as u64;
        if more > 0 {
            let pages = more / memory.page_size(&instance.store);
            finish(memory.grow_async(&mut instance.store, pages)).map_err(failed)?;
        }
        write(memory.data_mut(&mut instance.store))?;
        for (variable, value) in instance.python.variables.iter().zip(variables) {
            variable.set(&mut instance.store, Val::I32(*value)).map_err(failed)?;
        }
        Ok(instance)
    }

    /// Runs one block. `Err` is a replay whose tool calls differ from the recorded ones.
    pub fn run(&mut self, code: &str, limits: &Limits, answers: Answers) -> Result<Ended, Diverged> {
        // A replayed step ended by itself the first time: it needs no wall-clock stop, and must not get one
        // on a busier machine.
        let replay = matches!(answers, Answers::Recorded(_));
        let deadline = if replay { None } else { Instant::now().checked_add(limits.wall_clock) };
        let tank = self.python.access.fuel;
        let _ = tank.fill(&mut self.store, Allowance::new(limits.fuel, deadline));
        let state = self.store.data_mut();
        state.world.stdout.clear(limits.output_bytes);
        state.memory.refused = false;
        state.calls = Calls {
            answers,
            left: limits.tool_calls,
            limit: limits.tool_calls,
            bytes_left: limits.tool_bytes,
            ..Calls::default()
        };

        // A little more than is shown, so that it can be seen where something is cut off.
        let most_text_bytes = limits.output_bytes.max(TYPE_NAME_BYTES) + 8;
        let result = finish(self.python.run(&mut self.store, code, most_text_bytes));

        let fuel_left = tank.left(&mut self.store);
        let state = self.store.data_mut();
        let calls = std::mem::take(&mut state.calls);
        let (output, output_truncated) = state.world.stdout.take();
        let reply = match result {
            Err(error) if error.is::<Diverged>() => return Err(Diverged),
            Err(_) if calls.limit_hit => Err(Failure::ToolCallLimit),
            Err(error) => Err(why_killed(&error, state)),
            Ok(reply) if state.memory.refused && raised_memory_error(&reply) => Err(Failure::OutOfMemory),
            Ok(reply) => Ok(reply),
        };
        Ok(Ended {
            reply,
            output,
            output_truncated,
            tool_calls: calls.made,
            tool_call_limit_hit: calls.limit_hit,
            fuel_used: limits.fuel.min(fuel::MOST) - fuel_left - calls.fuel_withheld,
        })
    }
}

/// Runs a call of the guest to its end, on a stack of the engine's. Nothing in it ever waits: time is virtual,
/// and tools are called in place.
fn finish<F: Future>(call: F) -> F::Output {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("nothing that the guest can call waits"),
    }
}

fn why_killed(error: &wasmtime::Error, state: &State) -> Failure {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Failure::OutOfFuel,
        Some(Trap::Interrupt) => Failure::WallClock,
        // Python gives up where it cannot have the memory to go on.
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
