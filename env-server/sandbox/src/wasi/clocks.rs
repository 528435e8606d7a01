//! `wasi:clocks` and `wasi:io/poll`.

use wasmtime::Linker;

use super::answer::{pointer, write};
use super::call::{Guest, Result, access, new_handle, world};
use crate::abi::Record;
use crate::state::State;
use crate::world::clock::TICK_NANOS;
use crate::world::handles::{self, Handle};

/// Adds the functions to a linker.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    let clock = "wasi:clocks/monotonic-clock";
    linker.func_wrap(clock, "now", |mut guest: Guest<'_>| world(&mut guest).clock.read())?;
    linker.func_wrap(clock, "resolution", |_: Guest<'_>| TICK_NANOS)?;
    linker.func_wrap(clock, "subscribe-duration", |mut guest: Guest<'_>, nanos: u64| {
        world(&mut guest).clock.sleep(nanos);
        new_handle(&mut guest, Handle::Pollable)
    })?;
    linker.func_wrap(clock, "subscribe-instant", |mut guest: Guest<'_>, moment: u64| {
        world(&mut guest).clock.sleep_until(moment);
        new_handle(&mut guest, Handle::Pollable)
    })?;
    linker.func_wrap("wasi:clocks/wall-clock", "now", |mut guest: Guest<'_>, to: u32| {
        let (seconds, nanos) = world(&mut guest).clock.time_of_day();
        write(&mut guest, to, &[&seconds.to_le_bytes()[..], &nanos.to_le_bytes()].concat())
    })?;
    linker.func_wrap("wasi:clocks/wall-clock", "resolution", |mut guest: Guest<'_>, to: u32| {
        write(&mut guest, to, &[&0_u64.to_le_bytes()[..], &(TICK_NANOS as u32).to_le_bytes()].concat())
    })?;
    let poll = "wasi:io/poll";
    // Nothing blocks: every pollable is ready.
    linker.func_wrap(poll, "[method]pollable.block", |_: Guest<'_>, _: u32| {})?;
    linker.func_wrap_async(poll, "poll", |mut guest: Guest<'_>, (_, count, to): (u32, u32, u32)| {
        Box::new(async move {
            if count == 0 {
                return Err(EmptyPoll.into());
            }
            let count = count.min(handles::MAX as u32);
            let ready = (0..count).fold(Record::default(), Record::word);
            let at = access(&guest)?.pass_record(&mut guest, &ready).await?;
            pointer(&mut guest, to, (at, count))
        })
    })?;
    Ok(())
}

/// The guest polls an empty list, which would never return.
#[derive(Debug, thiserror::Error)]
#[error("the guest polls an empty list")]
struct EmptyPoll;
