//! The functions that the guest can call: WASI, tools, and the refill of fuel.

use wasmtime::{Engine, Linker, Module};

use crate::state::State;
use crate::{calls, fuel, wasi};

/// A linker with everything that the module imports.
pub fn new(engine: &Engine, module: &Module) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::<State>::new(engine);
    wasi::add_to_linker(&mut linker)?;
    fuel::add_to_linker(&mut linker)?;
    linker.func_wrap_async("$root", "call-tool", |guest, call| Box::new(calls::call_tool(guest, call)))?;
    // The remaining imports are methods of things that the guest never gets, such as an open socket.
    linker.define_unknown_imports_as_traps(module)?;
    Ok(linker)
}
