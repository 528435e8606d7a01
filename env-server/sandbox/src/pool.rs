//! The pool that instances are created in.

use wasmtime::{Engine, InstancePre, Linker, Module, PoolConcurrencyLimitError, Store};

use crate::budget::{Budget, NoMemory};
use crate::engine::block_on;
use crate::error::{Error, explain_kernel_limit};
use crate::guest::{Exports, Python};
use crate::limits::Limits;
use crate::options::Options;
use crate::places::{Occupied, Places};
use crate::state::State;
use crate::world::World;

/// What an instance takes at first: the pages that it writes, its stacks, its tables. Measured by `benches/density.rs`.
const INSTANCE_BYTES: usize = 512 << 10;

/// A linked module and the places for its instances.
pub struct Pool {
    engine: Engine,
    linked: InstancePre<State>,
    exports: Exports,
    /// [`crate::Options::max_interpreters`], for error messages.
    max_interpreters: u32,
    budget: Budget,
    places: Places,
}

/// An instance in its place.
pub struct Placed {
    pub store: Store<State>,
    pub python: Python,
    // The last one: it is dropped after the store.
    _place: Occupied,
}

impl Pool {
    /// A pool of instances of `module`; `linker` provides its imports.
    pub fn new(
        engine: Engine,
        linker: &Linker<State>,
        module: &Module,
        options: &Options,
    ) -> wasmtime::Result<Pool> {
        let exports = Exports::of(module)?;
        let linked = linker.instantiate_pre(module)?;
        let (max_interpreters, budget) = (options.max_interpreters, options.budget.clone());
        let places = Places::new(options.max_memory_bytes);
        Ok(Pool { engine, linked, exports, max_interpreters, budget, places })
    }

    /// Creates an instance in a store of its own. It has not run any code yet.
    ///
    /// # Errors
    /// [`Error::AtCapacity`] if no place is free; [`Error::NoMemory`].
    pub fn instantiate(&self, world: World, limits: &Limits) -> Result<Placed, Error> {
        let make = || self.make(world, limits);
        let memory =
            |(store, python): &(Store<State>, Python)| python.access.memory.data_ptr(store).cast_const();
        let ((store, python), _place) = self.places.occupy(make, memory)?;
        Ok(Placed { store, python, _place })
    }

    fn make(&self, world: World, limits: &Limits) -> Result<(Store<State>, Python), Error> {
        let share = self.budget.take(INSTANCE_BYTES)?;
        let mut store = Store::new(&self.engine, State::new(world, limits, share));
        store.limiter(|state| &mut state.memory);
        let created = block_on(async {
            let instance = self.linked.instantiate_async(&mut store).await?;
            Python::new(&self.exports, instance, &mut store)
        });
        let python = created.map_err(|error| self.start_error(error))?;
        store.data_mut().access = Some(python.access.clone());
        Ok((store, python))
    }

    /// The places of instances.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Where instances take their memory from.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The error for an instance that could not be started.
    pub fn start_error(&self, error: wasmtime::Error) -> Error {
        if error.is::<PoolConcurrencyLimitError>() {
            Error::AtCapacity { max: self.max_interpreters }
        } else if let Some(no_memory) = error.downcast_ref::<NoMemory>() {
            Error::NoMemory(*no_memory)
        } else {
            Error::Start(explain_kernel_limit(error).into())
        }
    }
}
