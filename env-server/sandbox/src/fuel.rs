//! What a step may use: fuel, which is deterministic, and time, which is not.
//!
//! The guest counts its own fuel (`build/flatten/meter.rs`), down from what it is given, and asks for more when
//! that is used up. It is given little at a time, and each time is looked at the clock.

use std::time::Instant;

use wasmtime::{AsContextMut, Caller, Global, Linker, Trap, Val};

use crate::abi::Malformed;
use crate::state::State;

/// What the guest is given at a time: some ten milliseconds of work.
const PORTION: i64 = 100_000_000;

/// The most that a step can be given: more than any machine will do.
pub const MOST: u64 = 1 << 62;

/// The fuel and the time that are left, but for the portion that the guest has.
pub struct Allowance {
    fuel: i64,
    deadline: Option<Instant>,
}

impl Allowance {
    /// Enough for anything that ends.
    pub fn unlimited() -> Allowance {
        Allowance::new(MOST, None)
    }

    /// So much fuel, until a moment.
    pub fn new(fuel: u64, deadline: Option<Instant>) -> Allowance {
        Allowance { fuel: fuel.min(MOST).cast_signed(), deadline }
    }
}

/// Lets guests ask for fuel.
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

/// The guest's portion.
#[derive(Clone, Copy)]
pub struct Tank(pub Global);

impl Tank {
    /// All the fuel that is left.
    pub fn left(self, store: &mut impl AsContextMut<Data = State>) -> u64 {
        let portion = self.portion(store);
        let left = store.as_context().data().allowance.fuel.saturating_add(portion);
        u64::try_from(left).unwrap_or(0)
    }

    /// Sets what is left, and until when.
    pub fn fill(
        self,
        store: &mut impl AsContextMut<Data = State>,
        allowance: Allowance,
    ) -> wasmtime::Result<()> {
        store.as_context_mut().data_mut().allowance = allowance;
        self.0.set(store, Val::I64(0))
    }

    /// Changes what is left, and not until when.
    pub fn set(self, store: &mut impl AsContextMut<Data = State>, fuel: u64) -> wasmtime::Result<()> {
        let deadline = store.as_context().data().allowance.deadline;
        self.fill(store, Allowance::new(fuel, deadline))
    }

    /// Takes fuel for what the host does on the guest's behalf.
    pub fn charge(self, store: &mut impl AsContextMut<Data = State>, fuel: u64) -> wasmtime::Result<()> {
        let left = self.portion(store).saturating_sub_unsigned(fuel);
        let rest = store.as_context().data().allowance.fuel;
        if rest.saturating_add(left) < 0 {
            return Err(Trap::OutOfFuel.into());
        }
        // Below zero, the guest asks at its next count.
        self.0.set(store, Val::I64(left))
    }

    fn portion(self, store: &mut impl AsContextMut<Data = State>) -> i64 {
        self.0.get(store).i64().unwrap_or(0)
    }
}

/// The fuel tank of the guest that calls.
pub fn tank(guest: &Caller<'_, State>) -> Result<Tank, Malformed> {
    Ok(guest.data().access.as_ref().ok_or(Malformed)?.fuel)
}
