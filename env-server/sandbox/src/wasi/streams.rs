//! `wasi:io/streams`.

use wasmtime::Linker;

use super::answer::{answer, fail, pointer, write};
use super::call::{Guest, Result, access, charge, charge_work, handle, new_handle, world};
use super::files::{changing, read_file};
use crate::abi::{Bytes, Malformed};
use crate::state::State;
use crate::world::handles::Handle;

/// Adds the functions to a linker.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    let streams = "wasi:io/streams";
    for stream in ["input", "output"] {
        let name = format!("[method]{stream}-stream.subscribe");
        linker.func_wrap(streams, &name, |mut guest: Guest<'_>, _: u32| {
            new_handle(&mut guest, Handle::Pollable)
        })?;
    }
    for read in ["read", "blocking-read"] {
        let name = format!("[method]input-stream.{read}");
        linker.func_wrap_async(streams, &name, |guest: Guest<'_>, arguments| {
            Box::new(read_stream(guest, arguments))
        })?;
    }
    linker.func_wrap(
        streams,
        "[method]output-stream.check-write",
        |mut guest: Guest<'_>, _: u32, to: u32| answer(&mut guest, to, 8, Ok(CHUNK_BYTES.to_le_bytes())),
    )?;
    for name in ["write", "blocking-write-and-flush"] {
        let name = format!("[method]output-stream.{name}");
        linker.func_wrap(streams, &name, write_stream)?;
    }
    for name in ["flush", "blocking-flush"] {
        let name = format!("[method]output-stream.{name}");
        linker
            .func_wrap(streams, &name, |mut guest: Guest<'_>, _: u32, to: u32| write(&mut guest, to, &[0]))?;
    }
    Ok(())
}

/// The most bytes that the guest may write to a stream in one call.
const CHUNK_BYTES: u64 = 64 << 10;

/// The work of a write of no bytes: finding the file, and its new times.
const WRITE_WORK: usize = 5_000;

async fn read_stream(mut guest: Guest<'_>, (stream, max, to): (u32, u64, u32)) -> Result {
    let (node, at) = match handle(&mut guest, stream)? {
        Handle::Reader { node, at } => (*node, *at),
        Handle::Stdin => return end_of_stream(&mut guest, to),
        _ => return Err(Malformed.into()),
    };
    let length = world(&mut guest).files.read(node, at).map_or(0, <[u8]>::len).min(usize::try_from(max)?);
    if length == 0 && max > 0 {
        return end_of_stream(&mut guest, to);
    }
    let address = read_file(&mut guest, node, at, length).await?;
    if let Handle::Reader { at, .. } = handle(&mut guest, stream)? {
        *at += length as u64;
    }
    write(&mut guest, to, &[0])?;
    pointer(&mut guest, to.wrapping_add(4), (address, length as u32))
}

fn write_stream(mut guest: Guest<'_>, stream: u32, at: u32, length: u32, to: u32) -> Result {
    let target = handle(&mut guest, stream)?.clone();
    charge(&mut guest, WRITE_WORK + length as usize)?;
    let access = access(&guest)?;
    let (memory, state) = access.memory.data_and_store_mut(&mut guest);
    let bytes = Bytes(memory).slice(at, length)?;
    let written = match target {
        Handle::Stdout => {
            state.world.stdout.write(bytes);
            Ok(0)
        }
        Handle::Stderr => {
            state.world.stderr.write(bytes);
            Ok(0)
        }
        Handle::Writer { node, at } => changing(&mut state.world).write(node, at, bytes),
        _ => return Err(Malformed.into()),
    };
    charge_work(&mut guest)?;
    match written {
        Ok(end) => {
            if let Handle::Writer { at: Some(at), .. } = handle(&mut guest, stream)? {
                *at = end;
            }
            write(&mut guest, to, &[0])
        }
        Err(_) => {
            let error = new_handle(&mut guest, Handle::Error)?;
            write(&mut guest, to, &[1, 0, 0, 0, 0, 0, 0, 0])?;
            write(&mut guest, to.wrapping_add(8), &error.to_le_bytes())
        }
    }
}

/// Writes the stream error `closed`: the stream is at its end.
fn end_of_stream(guest: &mut Guest<'_>, to: u32) -> Result {
    const CLOSED: u8 = 1;
    fail(guest, to, 4, CLOSED)
}
