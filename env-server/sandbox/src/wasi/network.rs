//! `wasi:sockets`: every use of the network is denied.

use wasmtime::Linker;

use super::answer::fail;
use super::call::{Guest, Result, new_handle};
use crate::state::State;
use crate::world::handles::Handle;

/// Adds the functions to a linker.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    /// `access-denied` among the error codes of `wasi:sockets/network`.
    const DENIED: u8 = 1;
    linker.func_wrap("wasi:sockets/instance-network", "instance-network", |mut guest: Guest<'_>| {
        new_handle(&mut guest, Handle::Network)
    })?;
    for kind in ["tcp", "udp"] {
        let interface = format!("wasi:sockets/{kind}-create-socket");
        linker.func_wrap(
            &interface,
            &format!("create-{kind}-socket"),
            |mut guest: Guest<'_>, _: u32, to: u32| fail(&mut guest, to, 4, DENIED),
        )?;
    }
    linker.func_wrap(
        "wasi:sockets/ip-name-lookup",
        "resolve-addresses",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u32, to: u32| fail(&mut guest, to, 4, DENIED),
    )?;
    Ok(())
}
