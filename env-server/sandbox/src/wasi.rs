//! The functions of WASI 0.2 that the guest imports. They act on its [`World`](crate::world::World).
//!
//! Their specification is <https://github.com/WebAssembly/wasi>, version 0.2. They are called by the
//! canonical ABI: a result that does not fit into a WebAssembly value is written to the address in the last
//! argument, `to`. Functions that are missing here, such as those of an open socket, end the interpreter when
//! they are called; Python never calls them.

mod answer;
mod call;
mod clocks;
mod descriptors;
mod files;
mod network;
mod paths;
mod process;
mod streams;

use call::{Guest, HANDLE_WORK, Result, charge, world};
use wasmtime::Linker;

use crate::abi::Malformed;
use crate::state::State;

/// Adds all functions of WASI to a linker.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    linker.func_wrap("$root", "resource-drop", drop_handle)?;
    clocks::add_to_linker(linker)?;
    streams::add_to_linker(linker)?;
    process::add_to_linker(linker)?;
    network::add_to_linker(linker)?;
    descriptors::add_to_linker(linker)?;
    paths::add_to_linker(linker)
}

fn drop_handle(mut guest: Guest<'_>, number: u32) -> Result {
    charge(&mut guest, HANDLE_WORK)?;
    let world = world(&mut guest);
    let node = world.handles.remove(number).ok_or(Malformed)?.node();
    node.into_iter().for_each(|node| world.release(node));
    Ok(())
}
