//! The budget of a step: fuel, which is deterministic, and wall-clock time, which is not.
//!
//! The guest counts its own fuel (`build/flatten/meter.rs`): it counts down from a portion, and calls the
//! host for the next one when it is used up. Portions are small; the host checks the clock at each.

use std::time::Instant;

use wasmtime::{AsContextMut, Caller, Global, Linker, Trap, Val};

use crate::abi::Malformed;
use crate::state::State;

/// The largest portion: some ten milliseconds of work.
const PORTION: i64 = 100_000_000;

/// The largest budget: more than any machine can use.
pub const MAX: u64 = 1 << 62;

/// The remaining budget of a step, without the guest's current portion.
pub struct Allowance {
    fuel: i64,
    deadline: Option<Instant>,
}

impl Allowance {
    /// A budget that no code uses up, without a deadline.
    pub fn unlimited() -> Allowance {
        Allowance::new(MAX, None)
    }

    /// A budget of `fuel`, and a deadline.
    pub fn new(fuel: u64, deadline: Option<Instant>) -> Allowance {
        Allowance { fuel: fuel.min(MAX).cast_signed(), deadline }
    }
}

/// Adds the function with which the guest asks for its next portion.
pub fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("$root", "refill", |mut guest: Caller<'_, State>, left: i64| {
        let allowance = &mut guest.data_mut().allowance;
        allowance.fuel += left;
        if allowance.fuel < 0 {
            return Err(wasmtime::Error::from(Trap::OutOfFuel));
        }
        if allowance.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Trap::Interrupt.into());
        }
        let portion = allowance.fuel.min(PORTION);
        allowance.fuel -= portion;
        Ok(portion)
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

    /// Sets the budget and keeps the deadline.
    pub fn set(self, store: &mut impl AsContextMut<Data = State>, fuel: u64) -> wasmtime::Result<()> {
        let deadline = store.as_context().data().allowance.deadline;
        self.fill(store, Allowance::new(fuel, deadline))
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
