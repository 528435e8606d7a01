//! The functions of WASI 0.2 that the guest imports, over a [`World`].
//!
//! Their meaning is that of <https://github.com/WebAssembly/wasi> in version 0.2; they are given in the canonical ABI:
//! what does not fit into a function's result is written where its last argument points. What is not here, such as
//! all that an open socket would offer, ends the interpreter when it is called, which no code of Python's does.

mod filesystem;

use rand::Rng as _;
use wasmtime::{Caller, Linker};

use super::World;
use super::clock::TICK_NANOS;
use super::files::{Error, Node};
use super::handles::{self, Handle};
use crate::abi::{Access, Bytes, Malformed, Record};
use crate::fuel;
use crate::state::State;

type Guest<'a> = Caller<'a, State>;
type Result<T = ()> = wasmtime::Result<T>;

/// Gives a guest its world.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    linker.func_wrap("$root", "resource-drop", drop_handle)?;
    clocks(linker)?;
    streams(linker)?;
    process(linker)?;
    network(linker)?;
    filesystem::add_to_linker(linker)
}

fn clocks(linker: &mut Linker<State>) -> Result {
    let clock = "wasi:clocks/monotonic-clock";
    linker.func_wrap(clock, "now", |mut guest: Guest<'_>| world(&mut guest).clock.read())?;
    linker.func_wrap(clock, "resolution", |_: Guest<'_>| TICK_NANOS)?;
    linker.func_wrap(clock, "subscribe-duration", |mut guest: Guest<'_>, nanos: u64| {
        world(&mut guest).clock.sleep(nanos);
        hold(&mut guest, Handle::Pollable)
    })?;
    linker.func_wrap(clock, "subscribe-instant", |mut guest: Guest<'_>, moment: u64| {
        world(&mut guest).clock.sleep_until(moment);
        hold(&mut guest, Handle::Pollable)
    })?;
    linker.func_wrap("wasi:clocks/wall-clock", "now", |mut guest: Guest<'_>, to: u32| {
        let (seconds, nanos) = world(&mut guest).clock.time_of_day();
        write(&mut guest, to, &[&seconds.to_le_bytes()[..], &nanos.to_le_bytes()].concat())
    })?;
    linker.func_wrap("wasi:clocks/wall-clock", "resolution", |mut guest: Guest<'_>, to: u32| {
        write(&mut guest, to, &[&0_u64.to_le_bytes()[..], &(TICK_NANOS as u32).to_le_bytes()].concat())
    })?;
    let poll = "wasi:io/poll";
    // Nothing ever waits: all that can be waited for is there.
    linker.func_wrap(poll, "[method]pollable.block", |_: Guest<'_>, _: u32| {})?;
    linker.func_wrap_async(poll, "poll", |mut guest: Guest<'_>, (_, count, to): (u32, u32, u32)| {
        Box::new(async move {
            if count == 0 {
                return Err(WaitsForNothing.into());
            }
            let count = count.min(handles::MOST as u32);
            let ready = (0..count).fold(Record::default(), Record::word);
            let at = access(&guest)?.record(&mut guest, &ready).await?;
            pointer(&mut guest, to, (at, count))
        })
    })?;
    Ok(())
}

/// The guest waits for what never comes.
#[derive(Debug, thiserror::Error)]
#[error("the guest waits for nothing")]
struct WaitsForNothing;

fn process(linker: &mut Linker<State>) -> Result {
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
                state.world.random.fill_bytes(part(memory, at, length)?);
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
            move |mut guest: Guest<'_>| hold(&mut guest, handle.clone()),
        )?;
        let terminal = format!("wasi:cli/terminal-{stream}");
        linker.func_wrap(&terminal, &format!("get-terminal-{stream}"), |mut guest: Guest<'_>, to: u32| {
            write(&mut guest, to, &[0])
        })?;
    }
    Ok(())
}

/// Drawing a byte at random takes as long as moving so many.
const RANDOM_WORK: usize = 20;

/// The guest ended itself.
#[derive(Debug, thiserror::Error)]
#[error("the interpreter exited")]
struct Exited;

fn network(linker: &mut Linker<State>) -> Result {
    /// `access-denied` among the error codes of `wasi:sockets/network`.
    const DENIED: u8 = 1;
    linker.func_wrap("wasi:sockets/instance-network", "instance-network", |mut guest: Guest<'_>| {
        hold(&mut guest, Handle::Network)
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

fn streams(linker: &mut Linker<State>) -> Result {
    let streams = "wasi:io/streams";
    for stream in ["input", "output"] {
        let name = format!("[method]{stream}-stream.subscribe");
        linker
            .func_wrap(streams, &name, |mut guest: Guest<'_>, _: u32| hold(&mut guest, Handle::Pollable))?;
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

/// What the guest may write to a stream in one go.
const CHUNK_BYTES: u64 = 64 << 10;

async fn read_stream(mut guest: Guest<'_>, (stream, most, to): (u32, u64, u32)) -> Result {
    let (node, at) = match handle(&mut guest, stream)? {
        Handle::Reader { node, at } => (*node, *at),
        Handle::Stdin => return closed(&mut guest, to),
        _ => return Err(Malformed.into()),
    };
    let length = world(&mut guest).files.read(node, at).map_or(0, <[u8]>::len).min(usize::try_from(most)?);
    if length == 0 && most > 0 {
        return closed(&mut guest, to);
    }
    let place = filesystem::read_file(&mut guest, node, at, length).await?;
    if let Handle::Reader { at, .. } = handle(&mut guest, stream)? {
        *at += length as u64;
    }
    write(&mut guest, to, &[0])?;
    pointer(&mut guest, to.wrapping_add(4), (place, length as u32))
}

fn write_stream(mut guest: Guest<'_>, stream: u32, at: u32, length: u32, to: u32) -> Result {
    let target = handle(&mut guest, stream)?.clone();
    charge(&mut guest, length as usize)?;
    let access = access(&guest)?;
    let (memory, state) = access.memory.data_and_store_mut(&mut guest);
    let bytes = Bytes(memory).slice(at, length)?;
    let written = match target {
        Handle::Stdout => {
            state.world.stdout.write(bytes);
            Ok(0)
        }
        Handle::Stderr => Ok(0),
        Handle::Writer { node, at } => state.world.files.write(node, at, bytes),
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
            let error = hold(&mut guest, Handle::Error)?;
            write(&mut guest, to, &[1, 0, 0, 0, 0, 0, 0, 0])?;
            write(&mut guest, to.wrapping_add(8), &error.to_le_bytes())
        }
    }
}

/// The stream error that says that a stream is at its end.
fn closed(guest: &mut Guest<'_>, to: u32) -> Result {
    const CLOSED: u8 = 1;
    fail(guest, to, 4, CLOSED)
}

impl World {
    /// Lets go of a node that nothing may hold any more.
    fn closed(&mut self, node: Node) {
        if !self.handles.keep(node) {
            self.files.closed(node);
        }
    }
}

fn drop_handle(mut guest: Guest<'_>, number: u32) -> Result {
    charge(&mut guest, HANDLE_WORK)?;
    let world = world(&mut guest);
    let node = world.handles.remove(number).ok_or(Malformed)?.node();
    node.into_iter().for_each(|node| world.closed(node));
    Ok(())
}

fn part(memory: &mut [u8], at: u32, length: usize) -> std::result::Result<&mut [u8], Malformed> {
    memory.get_mut(at as usize..).and_then(|rest| rest.get_mut(..length)).ok_or(Malformed)
}

fn world<'a>(guest: &'a mut Guest<'_>) -> &'a mut World {
    &mut guest.data_mut().world
}

fn access(guest: &Guest<'_>) -> std::result::Result<Access, Malformed> {
    guest.data().access.clone().ok_or(Malformed)
}

fn handle<'a>(guest: &'a mut Guest<'_>, number: u32) -> std::result::Result<&'a mut Handle, Malformed> {
    world(guest).handles.get_mut(number).ok_or(Malformed)
}

/// Gives the guest a handle.
fn hold(guest: &mut Guest<'_>, handle: Handle) -> Result<u32> {
    charge(guest, HANDLE_WORK)?;
    world(guest).handles.add(handle).ok_or_else(|| TooManyHandles.into())
}

/// What it takes to find a place for a handle, or to see whether others keep a file alive.
const HANDLE_WORK: usize = 1000;

/// A program that holds on to more than any program needs.
#[derive(Debug, thiserror::Error)]
#[error("the guest holds too many handles")]
struct TooManyHandles;

/// Answers with a value of some alignment, or an error.
fn answer<const BYTES: usize>(
    guest: &mut Guest<'_>,
    to: u32,
    alignment: u32,
    result: std::result::Result<[u8; BYTES], Error>,
) -> Result {
    match result {
        Ok(value) => {
            write(guest, to, &[0])?;
            write(guest, to.wrapping_add(alignment), &value)
        }
        Err(error) => fail(guest, to, alignment, error as u8),
    }
}

/// Answers with an error, by its number among its kind, where a value of some alignment could have been.
fn fail(guest: &mut Guest<'_>, to: u32, alignment: u32, code: u8) -> Result {
    write(guest, to, &[1])?;
    write(guest, to.wrapping_add(alignment), &[code])
}

/// Answers with the place and the length of a list.
fn pointer(guest: &mut Guest<'_>, to: u32, (at, length): (u32, u32)) -> Result {
    write(guest, to, &[at, length].map(u32::to_le_bytes).concat())
}

fn write(guest: &mut Guest<'_>, at: u32, bytes: &[u8]) -> Result {
    access(guest)?.write(guest, at, bytes)
}

/// Takes fuel for bytes that the host moves on the guest's behalf: what it takes for those that the guest moves.
fn charge(guest: &mut Guest<'_>, bytes: usize) -> Result {
    fuel::tank(guest)?.charge(guest, bytes as u64 / 2)
}

/// The same for what was done to files.
fn charge_work(guest: &mut Guest<'_>) -> Result {
    let work = world(guest).files.take_work();
    charge(guest, work)
}
