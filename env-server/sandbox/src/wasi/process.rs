//! `wasi:random` and `wasi:cli`.

use rand::Rng as _;
use wasmtime::Linker;

use super::answer::{pointer, write};
use super::call::{Guest, Result, access, charge, new_handle, slice_mut};
use crate::state::State;
use crate::world::handles::Handle;

/// Adds the functions to a linker.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    linker.func_wrap_async(
        "wasi:random/random",
        "get-random-bytes",
        |mut guest: Guest<'_>, (length, to): (u64, u32)| {
            Box::new(async move {
                let length = usize::try_from(length)?;
                charge(&mut guest, length.saturating_mul(RANDOM_WORK))?;
                let access = access(&guest)?;
                let at = access.allocate(&mut guest, length, 1).await?;
                let (memory, state) = access.memory.data_and_store_mut(&mut guest);
                state.world.random.fill_bytes(slice_mut(memory, at, length)?);
                pointer(&mut guest, to, (at, length as u32))
            })
        },
    )?;
    for list in ["get-environment", "get-arguments"] {
        linker.func_wrap_async("wasi:cli/environment", list, |mut guest: Guest<'_>, (to,): (u32,)| {
            Box::new(async move {
                let at = access(&guest)?.allocate(&mut guest, 0, 4).await?;
                pointer(&mut guest, to, (at, 0))
            })
        })?;
    }
    linker.func_wrap("wasi:cli/exit", "exit", |_: Guest<'_>, _: u32| -> Result { Err(Exited.into()) })?;
    for (stream, handle) in [("stdin", Handle::Stdin), ("stdout", Handle::Stdout), ("stderr", Handle::Stderr)]
    {
        linker.func_wrap(
            &format!("wasi:cli/{stream}"),
            &format!("get-{stream}"),
            move |mut guest: Guest<'_>| new_handle(&mut guest, handle.clone()),
        )?;
        let terminal = format!("wasi:cli/terminal-{stream}");
        linker.func_wrap(&terminal, &format!("get-terminal-{stream}"), |mut guest: Guest<'_>, to: u32| {
            write(&mut guest, to, &[0])
        })?;
    }
    Ok(())
}

/// The work of drawing one random byte, in bytes moved.
const RANDOM_WORK: usize = 20;

/// The guest called `exit`.
#[derive(Debug, thiserror::Error)]
#[error("the interpreter exited")]
struct Exited;
