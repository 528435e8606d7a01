//! What the guest can call: WASI over a virtual world, and the tools.

use wasmtime::component::{Component, Linker, Resource};
use wasmtime::{Engine, StoreContextMut};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{self, DynPollable, Pollable};

use crate::calls;
use crate::state::State;

/// Everything that the component imports.
pub fn new(engine: &Engine, component: &Component) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::<State>::new(engine);
    p2::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    for (name, _) in component.component_type().imports(engine) {
        if name.starts_with("wasi:clocks/monotonic-clock@") {
            virtual_clock(&mut linker, name)?;
        }
    }
    linker.root().func_wrap("call-tool", calls::call_tool)?;
    Ok(linker)
}

/// A monotonic clock for which sleeping moves the time instead of the sleeper.
fn virtual_clock(linker: &mut Linker<State>, name: &str) -> wasmtime::Result<()> {
    type Store<'a> = StoreContextMut<'a, State>;
    let mut clock = linker.instance(name)?;
    clock.func_wrap("now", |store: Store<'_>, (): ()| Ok((store.data().clock.read(),)))?;
    clock.func_wrap("resolution", |store: Store<'_>, (): ()| Ok((store.data().clock.resolution(),)))?;
    clock.func_wrap("subscribe-duration", |mut store: Store<'_>, (nanos,): (u64,)| {
        store.data().clock.sleep(nanos);
        elapsed(store.data_mut())
    })?;
    clock.func_wrap("subscribe-instant", |mut store: Store<'_>, (moment,): (u64,)| {
        store.data().clock.sleep_until(moment);
        elapsed(store.data_mut())
    })
}

fn elapsed(state: &mut State) -> wasmtime::Result<(Resource<DynPollable>,)> {
    let elapsed = state.table().push(Elapsed)?;
    Ok((p2::subscribe(state.table(), elapsed)?,))
}

/// A moment that has come.
struct Elapsed;

#[async_trait]
impl Pollable for Elapsed {
    async fn ready(&mut self) {}
}
