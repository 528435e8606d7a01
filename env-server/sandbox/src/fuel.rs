//! The budget of a step: fuel, which is deterministic, and wall-clock time, which is not.
//!
//! The guest counts its own fuel (`build/flatten/meter.rs`): it counts down from a portion, and calls the
//! host for the next one when it is used up. Portions are small: at each, the host checks the clock and whether
//! someone stopped the step, and the step yields, so that others get their turn.

use std::time::{Duration, Instant};

use wasmtime::{AsContextMut, Caller, Global, Linker, Trap, Val};

use crate::abi::Malformed;
use crate::engine::yield_now;
use crate::state::State;
use crate::stop::{Stop, Stopped};

/// The largest portion: some three milliseconds of work.
const PORTION: i64 = 30_000_000;

/// The largest budget: more than any machine can use.
pub const MAX: u64 = 1 << 62;

/// The remaining budget of a step, without the guest's current portion.
pub struct Allowance {
    fuel: i64,
    deadline: Option<Instant>,
    /// With which the step can be stopped.
    stop: Stop,
    /// Whether the first portion was taken.
    begun: bool,
}

impl Allowance {
    /// A budget that no code uses up, without a deadline.
    pub fn unlimited() -> Allowance {
        Allowance::new(MAX, None)
    }

    /// A budget of `fuel`, and a deadline, which moves by the time in which the step waits for its turn.
    pub fn new(fuel: u64, deadline: Option<Instant>) -> Allowance {
        Allowance { fuel: fuel.min(MAX).cast_signed(), deadline, stop: Stop::default(), begun: false }
    }

    /// The same for a step that `stop` can stop.
    pub fn stopped_by(self, stop: &Stop) -> Allowance {
        Allowance { stop: stop.clone(), ..self }
    }

    /// Moves the deadline by a time in which the step waited: it is of the step's own time.
    pub fn put_off(&mut self, waited: Duration) {
        self.deadline = self.deadline.map(|deadline| deadline + waited);
    }

    /// Takes the next portion.
    ///
    /// # Errors
    /// Nothing is left, the deadline has passed, or someone stopped the step.
    fn portion(&mut self) -> wasmtime::Result<i64> {
        if self.fuel < 0 {
            return Err(Trap::OutOfFuel.into());
        }
        if self.stop.is_asked() {
            return Err(Stopped.into());
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Trap::Interrupt.into());
        }
        let portion = self.fuel.min(PORTION);
        self.fuel -= portion;
        self.begun = true;
        Ok(portion)
    }
}

/// Adds the function with which the guest asks for its next portion.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap_async("$root", "refill", |mut guest: Caller<'_, State>, (left,): (i64,)| {
        Box::new(async move {
            let state = guest.data_mut();
            state.allowance.fuel += left;
            // Not while the host waits for the guest's allocator: that call holds another stack.
            if state.allowance.begun && !state.allocating {
                let waiting = Instant::now();
                yield_now().await;
                guest.data_mut().allowance.put_off(waiting.elapsed());
            }
            guest.data_mut().allowance.portion()
        })
    })?;
    Ok(())
}

/// The fuel counter of one instance: the global variable that holds the guest's current portion.
#[derive(Clone, Copy)]
pub struct Tank(pub Global);

impl Tank {
    /// The fuel that is left, portion included.
    pub fn left(self, store: &mut impl AsContextMut<Data = State>) -> u64 {
        let portion = self.portion(store);
        let left = store.as_context().data().allowance.fuel.saturating_add(portion);
        u64::try_from(left).unwrap_or(0)
    }

    /// Sets the budget and the deadline.
    pub fn fill(
        self,
        store: &mut impl AsContextMut<Data = State>,
        allowance: Allowance,
    ) -> wasmtime::Result<()> {
        store.as_context_mut().data_mut().allowance = allowance;
        self.0.set(store, Val::I64(0))
    }

    /// Sets the budget of the running step.
    pub fn set(self, store: &mut impl AsContextMut<Data = State>, fuel: u64) -> wasmtime::Result<()> {
        store.as_context_mut().data_mut().allowance.fuel = fuel.min(MAX).cast_signed();
        self.0.set(store, Val::I64(0))
    }

    /// Takes fuel for work that the host does on the guest's behalf.
    ///
    /// # Errors
    /// [`Trap::OutOfFuel`] if less than `fuel` is left.
    pub fn charge(self, store: &mut impl AsContextMut<Data = State>, fuel: u64) -> wasmtime::Result<()> {
        let left = self.portion(store).saturating_sub_unsigned(fuel);
        let rest = store.as_context().data().allowance.fuel;
        if rest.saturating_add(left) < 0 {
            return Err(Trap::OutOfFuel.into());
        }
        // If this is below zero, the guest asks for a portion when it counts next.
        self.0.set(store, Val::I64(left))
    }

    fn portion(self, store: &mut impl AsContextMut<Data = State>) -> i64 {
        self.0.get(store).i64().unwrap_or(0)
    }
}

/// The fuel counter of the calling guest.
pub fn tank(guest: &Caller<'_, State>) -> Result<Tank, Malformed> {
    Ok(guest.data().access.as_ref().ok_or(Malformed)?.fuel)
}
