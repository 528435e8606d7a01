//! A started interpreter: one instance of the component, in a store of its own.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::{Store, Trap};

use crate::calls::Diverged;
use crate::engine::BEAT;
use crate::error::Error;
use crate::guest::{Python, Reply, Tool as GuestTool};
use crate::interpreter::Config;
use crate::limits::Limits;
use crate::outcome::Failure;
use crate::sandbox::Sandbox;
use crate::state::{Answers, Calls, State};
use crate::tool::{Tool, ToolRecord};

/// Starting has no limit: the guest's own code runs, and nothing of the agent's.
const NO_FUEL_LIMIT: u64 = u64::MAX;
/// As far away as it can be without overflowing when it is added to the present.
const NO_DEADLINE: u64 = u64::MAX / 2;

pub struct Live {
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

impl Live {
    /// An interpreter that is ready for its first block.
    pub fn start(sandbox: &Sandbox, config: &Config) -> Result<Live, Error> {
        let mut live = Live::instantiate(sandbox, config.seed, config.limits.memory_bytes)?;
        let tools: Vec<GuestTool> = config.tools.iter().map(guest_tool).collect();
        finish(live.python.call_start(&mut live.store, config.seed, &tools, config.record_definitions))
            .map_err(|error| sandbox.start_error(error))?;
        Ok(live)
    }

    /// An instance that has run nothing yet.
    pub fn instantiate(sandbox: &Sandbox, seed: u64, memory_bytes: usize) -> Result<Live, Error> {
        let failed = |error| sandbox.start_error(error);
        let mut store = Store::new(sandbox.engine(), State::new(seed, memory_bytes));
        store.limiter(|state| &mut state.memory);
        store.set_fuel(NO_FUEL_LIMIT).map_err(failed)?;
        store.set_epoch_deadline(NO_DEADLINE);
        let python = finish(sandbox.python().instantiate_async(&mut store)).map_err(failed)?;
        Ok(Live { store, python })
    }

    /// Which Python this is, such as `3.14.0`.
    pub fn version(&mut self) -> Result<String, Error> {
        finish(self.python.call_version(&mut self.store)).map_err(|error| Error::Start(error.into()))
    }

    /// The bytes of memory that it has.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory.size
    }

    /// Runs one block. `Err` is a replay whose tool calls differ from the recorded ones.
    pub fn run(&mut self, code: &str, limits: &Limits, answers: Answers) -> Result<Ended, Diverged> {
        // A replayed step ended by itself the first time: it needs no wall-clock stop, and must not get one
        // on a busier machine.
        let replay = matches!(answers, Answers::Recorded(_));
        let beats =
            u64::try_from(limits.wall_clock.as_millis() / BEAT.as_millis()).unwrap_or(NO_DEADLINE) + 1;
        self.store.set_epoch_deadline(if replay { NO_DEADLINE } else { beats.min(NO_DEADLINE) });
        let _ = self.store.set_fuel(limits.fuel);
        let state = self.store.data_mut();
        state.stdout.clear(limits.output_bytes);
        state.memory.refused = false;
        state.calls = Calls {
            answers,
            left: limits.tool_calls,
            limit: limits.tool_calls,
            bytes_left: limits.tool_bytes,
            ..Calls::default()
        };

        let result = finish(self.python.call_run(&mut self.store, code));

        let fuel_left = self.store.get_fuel().unwrap_or(0);
        let state = self.store.data_mut();
        let calls = std::mem::take(&mut state.calls);
        let (output, output_truncated) = state.stdout.take();
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
            fuel_used: limits.fuel - fuel_left - calls.fuel_withheld,
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

fn guest_tool(tool: &Tool) -> GuestTool {
    GuestTool { name: tool.name.clone(), parameters: tool.parameters.clone(), doc: tool.doc.clone() }
}
