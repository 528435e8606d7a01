//! What the guest can call: the functions of its world, the tools, and for fuel.

use wasmtime::{Engine, Linker, Module};

use crate::state::State;
use crate::{calls, fuel, world};

/// Everything that the module imports.
pub fn new(engine: &Engine, module: &Module) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::<State>::new(engine);
    world::add_to_linker(&mut linker)?;
    fuel::add_to_linker(&mut linker)?;
    linker.func_wrap_async("$root", "call-tool", |guest, call| Box::new(calls::call_tool(guest, call)))?;
    // The rest belongs to what no guest is given, such as an open socket.
    linker.define_unknown_imports_as_traps(module)?;
    Ok(linker)
}
