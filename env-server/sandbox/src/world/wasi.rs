//! The functions of WASI 0.2 that the guest imports, over a [`World`].
//!
//! Their meaning is that of <https://github.com/WebAssembly/wasi> in version 0.2; they are given in the canonical ABI:
//! what does not fit into a function's result is written where its last argument points. What is not here, such as
//! all that an open socket would offer, ends the interpreter when it is called, which no code of Python's does.

use rand::Rng as _;
use wasmtime::{Caller, Linker};

use super::World;
use super::clock::{START_SECONDS, TICK_NANOS};
use super::files::{Error, Files, Node, Open, PATH_BYTES};
use super::handles::Handle;
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
    files(linker)?;
    paths(linker)
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
            let ready: Vec<u8> = (0..count.min(MOST_POLLED)).flat_map(u32::to_le_bytes).collect();
            let access = access(&guest)?;
            let at = access.allocate(&mut guest, ready.len(), 4).await?;
            access.write(&mut guest, at, &ready)?;
            pointer(&mut guest, to, (at, ready.len() as u32 / 4))
        })
    })?;
    Ok(())
}

/// The guest waits for what never comes.
#[derive(Debug, thiserror::Error)]
#[error("the guest waits for nothing")]
struct WaitsForNothing;

/// As many as there can be handles.
const MOST_POLLED: u32 = 1024;

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
            |mut guest: Guest<'_>, _: u32, to: u32| refuse(&mut guest, to, DENIED),
        )?;
    }
    linker.func_wrap(
        "wasi:sockets/ip-name-lookup",
        "resolve-addresses",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u32, to: u32| refuse(&mut guest, to, DENIED),
    )?;
    Ok(())
}

/// An error where a handle could have been.
fn refuse(guest: &mut Guest<'_>, to: u32, code: u8) -> Result {
    write(guest, to, &[1])?;
    write(guest, to.wrapping_add(4), &[code])
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
    let place = read_file(&mut guest, node, at, length).await?;
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
    write(guest, to, &[1])?;
    write(guest, to.wrapping_add(4), &[1])
}

/// What every function of the kind `descriptor.name(path)` is given.
struct At<'a> {
    world: &'a mut World,
    directory: Node,
    path: &'a str,
}

fn files(linker: &mut Linker<State>) -> Result {
    let types = "wasi:filesystem/types";
    linker.func_wrap_async(
        "wasi:filesystem/preopens",
        "get-directories",
        |mut guest: Guest<'_>, (to,): (u32,)| {
            Box::new(async move {
                let node = world(&mut guest).files.root();
                let root = hold(&mut guest, Handle::Descriptor { node, read: true, write: true })?;
                let access = access(&guest)?;
                let path = access.text(&mut guest, "/").await?;
                let list = access.record(&mut guest, &Record::default().word(root).pointer(path)).await?;
                pointer(&mut guest, to, (list, 1))
            })
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.read-via-stream",
        |mut guest: Guest<'_>, file: u32, at: u64, to: u32| {
            let (node, read, _) = descriptor(&mut guest, file)?;
            if !read {
                return answer::<4>(&mut guest, to, 4, Err(Error::BadDescriptor));
            }
            new_handle(&mut guest, to, Handle::Reader { node, at })
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.write-via-stream",
        |guest: Guest<'_>, file: u32, at: u64, to: u32| writer(guest, file, Some(at), to),
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.append-via-stream",
        |guest: Guest<'_>, file: u32, to: u32| writer(guest, file, None, to),
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.advise",
        |mut guest: Guest<'_>, _: u32, _: u64, _: u64, _: u32, to: u32| done(&mut guest, to, Ok(())),
    )?;
    for name in ["sync", "sync-data"] {
        let name = format!("[method]descriptor.{name}");
        linker
            .func_wrap(types, &name, |mut guest: Guest<'_>, _: u32, to: u32| done(&mut guest, to, Ok(())))?;
    }
    linker.func_wrap(types, "[method]descriptor.get-flags", |mut guest: Guest<'_>, file: u32, to: u32| {
        const MUTATE_DIRECTORY: u8 = 1 << 5;
        let (node, read, write) = descriptor(&mut guest, file)?;
        let directory = world(&mut guest).files.status(node).is_ok_and(|status| status.is_directory);
        let flags = u8::from(read) | u8::from(write) << 1 | if directory { MUTATE_DIRECTORY } else { 0 };
        answer(&mut guest, to, 1, Ok([flags]))
    })?;
    linker.func_wrap(
        types,
        "[method]descriptor.set-size",
        |mut guest: Guest<'_>, file: u32, size: u64, to: u32| {
            let (node, _, write) = descriptor(&mut guest, file)?;
            let resized =
                if write { world(&mut guest).files.resize(node, size) } else { Err(Error::BadDescriptor) };
            charge_work(&mut guest)?;
            done(&mut guest, to, resized)
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.set-times",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u64, _: u32, _: u32, _: u64, _: u32, to: u32| {
            // All times stay what they are.
            done(&mut guest, to, Ok(()))
        },
    )?;
    linker.func_wrap_async(types, "[method]descriptor.read", |guest: Guest<'_>, arguments| {
        Box::new(read_descriptor(guest, arguments))
    })?;
    linker.func_wrap(
        types,
        "[method]descriptor.write",
        |mut guest: Guest<'_>, file: u32, bytes: u32, length: u32, at: u64, to: u32| {
            let (node, _, write) = descriptor(&mut guest, file)?;
            charge(&mut guest, length as usize)?;
            let (memory, state) = access(&guest)?.memory.data_and_store_mut(&mut guest);
            let bytes = Bytes(memory).slice(bytes, length)?;
            let written = if write {
                state.world.files.write(node, Some(at), bytes)
            } else {
                Err(Error::BadDescriptor)
            };
            charge_work(&mut guest)?;
            answer(&mut guest, to, 8, written.map(|_| u64::from(length).to_le_bytes()))
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.read-directory",
        |mut guest: Guest<'_>, file: u32, to: u32| {
            let (node, ..) = descriptor(&mut guest, file)?;
            if !world(&mut guest).files.status(node).is_ok_and(|status| status.is_directory) {
                return answer::<4>(&mut guest, to, 4, Err(Error::NotDirectory));
            }
            new_handle(&mut guest, to, Handle::Entries { node, last: None })
        },
    )?;
    linker.func_wrap_async(
        types,
        "[method]directory-entry-stream.read-directory-entry",
        |guest: Guest<'_>, arguments| Box::new(read_entry(guest, arguments)),
    )?;
    linker.func_wrap(types, "[method]descriptor.stat", |mut guest: Guest<'_>, file: u32, to: u32| {
        let (node, ..) = descriptor(&mut guest, file)?;
        let status = status(world(&mut guest), Ok(node));
        answer(&mut guest, to, 8, status)
    })?;
    linker.func_wrap(
        types,
        "[method]descriptor.metadata-hash",
        |mut guest: Guest<'_>, file: u32, to: u32| {
            let (node, ..) = descriptor(&mut guest, file)?;
            answer(&mut guest, to, 8, Ok(metadata_hash(node)))
        },
    )?;
    Ok(())
}

async fn read_descriptor(mut guest: Guest<'_>, (file, length, at, to): (u32, u64, u64, u32)) -> Result {
    let (node, read, _) = descriptor(&mut guest, file)?;
    let left = if read { world(&mut guest).files.read(node, at) } else { Err(Error::BadDescriptor) };
    let left = match left {
        Ok(bytes) => bytes.len(),
        Err(error) => return answer::<9>(&mut guest, to, 4, Err(error)),
    };
    let length = left.min(usize::try_from(length)?);
    let place = read_file(&mut guest, node, at, length).await?;
    let mut result = [0; 9];
    result[..4].copy_from_slice(&place.to_le_bytes());
    result[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    result[8] = u8::from(length == left);
    answer(&mut guest, to, 4, Ok(result))
}

async fn read_entry(mut guest: Guest<'_>, (stream, to): (u32, u32)) -> Result {
    let Handle::Entries { node, last } = handle(&mut guest, stream)?.clone() else {
        return Err(Malformed.into());
    };
    let entry = world(&mut guest).files.entry_after(node, last.as_deref());
    let entry = entry.map(|entry| entry.map(|(name, directory)| (name.to_owned(), directory)));
    let mut result = [0; 16];
    match entry {
        Err(error) => return answer::<16>(&mut guest, to, 4, Err(error)),
        Ok(None) => {}
        Ok(Some((name, directory))) => {
            let (at, length) = access(&guest)?.text(&mut guest, &name).await?;
            result[0] = 1;
            result[4] = kind(directory);
            result[8..12].copy_from_slice(&at.to_le_bytes());
            result[12..].copy_from_slice(&length.to_le_bytes());
            if let Handle::Entries { last, .. } = handle(&mut guest, stream)? {
                *last = Some(name);
            }
        }
    }
    answer(&mut guest, to, 4, Ok(result))
}

fn paths(linker: &mut Linker<State>) -> Result {
    let types = "wasi:filesystem/types";
    for (name, act) in [
        (
            "create-directory-at",
            (|at| at.world.files.create_directory(at.directory, at.path)) as fn(At<'_>) -> _,
        ),
        ("remove-directory-at", |at| {
            let node = at.world.files.find(at.directory, at.path);
            at.world.files.remove_directory(at.directory, at.path)?;
            at.world.closed(node?);
            Ok(())
        }),
        ("unlink-file-at", |at| {
            let node = at.world.files.find(at.directory, at.path);
            at.world.files.unlink(at.directory, at.path)?;
            at.world.closed(node?);
            Ok(())
        }),
    ] {
        let name = format!("[method]descriptor.{name}");
        linker.func_wrap(
            types,
            &name,
            move |mut guest: Guest<'_>, file: u32, path: u32, length: u32, to: u32| {
                let acted = below(&mut guest, file, path, length, act)?;
                done(&mut guest, to, acted)
            },
        )?;
    }
    linker.func_wrap(
        types,
        "[method]descriptor.open-at",
        |mut guest: Guest<'_>, file: u32, _: u32, path: u32, length: u32, how: u32, flags: u32, to: u32| {
            let flag = |bit: u32| how & (1 << bit) != 0;
            let how = Open { create: flag(0), directory: flag(1), exclusive: flag(2), truncate: flag(3) };
            let (read, write) = (flags & 1 != 0, flags & 2 != 0);
            let opened =
                below(&mut guest, file, path, length, |at| at.world.files.open(at.directory, at.path, how))?;
            let is_directory =
                |world: &World, node| world.files.status(node).is_ok_and(|status| status.is_directory);
            match opened {
                Ok(node) if write && is_directory(world(&mut guest), node) => {
                    answer::<4>(&mut guest, to, 4, Err(Error::IsDirectory))
                }
                Ok(node) => new_handle(&mut guest, to, Handle::Descriptor { node, read, write }),
                Err(error) => answer::<4>(&mut guest, to, 4, Err(error)),
            }
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.stat-at",
        |mut guest: Guest<'_>, file: u32, _: u32, path: u32, length: u32, to: u32| {
            let status = below(&mut guest, file, path, length, |at| {
                let found = at.world.files.find(at.directory, at.path);
                status(at.world, found)
            })?;
            answer(&mut guest, to, 8, status)
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.metadata-hash-at",
        |mut guest: Guest<'_>, file: u32, _: u32, path: u32, length: u32, to: u32| {
            let found =
                below(&mut guest, file, path, length, |at| at.world.files.find(at.directory, at.path))?;
            answer(&mut guest, to, 8, found.map(metadata_hash))
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.rename-at",
        |mut guest: Guest<'_>,
         file: u32,
         path: u32,
         length: u32,
         to_file: u32,
         new: u32,
         new_length: u32,
         to: u32| {
            let (to_directory, ..) = descriptor(&mut guest, to_file)?;
            let new = read_path(&mut guest, new, new_length)?;
            let renamed = match new {
                Err(error) => Err(error),
                Ok(new) => below(&mut guest, file, path, length, |at| {
                    let replaced = at.world.files.find(to_directory, &new);
                    at.world.files.rename(at.directory, at.path, to_directory, &new)?;
                    replaced.into_iter().for_each(|node| at.world.closed(node));
                    Ok(())
                })?,
            };
            done(&mut guest, to, renamed)
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.readlink-at",
        |mut guest: Guest<'_>, file: u32, path: u32, length: u32, to: u32| {
            let found =
                below(&mut guest, file, path, length, |at| at.world.files.find(at.directory, at.path))?;
            // What is there is no link.
            answer::<8>(&mut guest, to, 4, found.and(Err(Error::Invalid)))
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.set-times-at",
        |mut guest: Guest<'_>,
         file: u32,
         _: u32,
         path: u32,
         length: u32,
         _: u32,
         _: u64,
         _: u32,
         _: u32,
         _: u64,
         _: u32,
         to: u32| {
            let found =
                below(&mut guest, file, path, length, |at| at.world.files.find(at.directory, at.path))?;
            done(&mut guest, to, found.map(drop))
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.symlink-at",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, to: u32| {
            done(&mut guest, to, Err(Error::Unsupported))
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.link-at",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, to: u32| {
            done(&mut guest, to, Err(Error::Unsupported))
        },
    )?;
    Ok(())
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

fn writer(mut guest: Guest<'_>, file: u32, at: Option<u64>, to: u32) -> Result {
    let (node, _, write) = descriptor(&mut guest, file)?;
    if !write {
        return answer::<4>(&mut guest, to, 4, Err(Error::BadDescriptor));
    }
    new_handle(&mut guest, to, Handle::Writer { node, at })
}

/// Does something with a path below a directory.
fn below<T>(
    guest: &mut Guest<'_>,
    file: u32,
    path: u32,
    length: u32,
    act: impl FnOnce(At<'_>) -> std::result::Result<T, Error>,
) -> Result<std::result::Result<T, Error>> {
    let (directory, ..) = descriptor(guest, file)?;
    let path = match read_path(guest, path, length)? {
        Ok(path) => path,
        Err(error) => return Ok(Err(error)),
    };
    let world = world(guest);
    let acted = act(At { world, directory, path: &path });
    charge_work(guest)?;
    Ok(acted)
}

/// A path, and fuel for looking it up.
fn read_path(guest: &mut Guest<'_>, at: u32, length: u32) -> Result<std::result::Result<String, Error>> {
    /// Each byte may be a name to find.
    const BYTE_WORK: usize = 100;
    if length as usize > PATH_BYTES {
        return Ok(Err(Error::NameTooLong));
    }
    charge(guest, length as usize * BYTE_WORK)?;
    let memory = access(guest)?.memory.data(&*guest);
    let bytes = Bytes(memory).slice(at, length)?;
    Ok(std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Error::Invalid))
}

/// Copies a part of a file that is there into memory of the guest's, and says where.
async fn read_file(guest: &mut Guest<'_>, node: Node, at: u64, length: usize) -> Result<u32> {
    charge(guest, length)?;
    let access = access(guest)?;
    let place = access.allocate(guest, length, 1).await?;
    let (memory, state) = access.memory.data_and_store_mut(&mut *guest);
    let bytes =
        state.world.files.read(node, at).ok().and_then(|bytes| bytes.get(..length)).ok_or(Malformed)?;
    part(memory, place, length)?.copy_from_slice(bytes);
    Ok(place)
}

fn part(memory: &mut [u8], at: u32, length: usize) -> std::result::Result<&mut [u8], Malformed> {
    memory.get_mut(at as usize..).and_then(|rest| rest.get_mut(..length)).ok_or(Malformed)
}

/// A `descriptor-stat`: what it is, one link, its size; all its times are the interpreter's start.
fn status(world: &World, node: std::result::Result<Node, Error>) -> std::result::Result<[u8; 96], Error> {
    let status = world.files.status(node?)?;
    let mut bytes = [0; 96];
    bytes[0] = kind(status.is_directory);
    bytes[8] = 1;
    bytes[16..24].copy_from_slice(&status.size.to_le_bytes());
    for time in bytes[24..].chunks_exact_mut(24) {
        time[0] = 1;
        time[8..16].copy_from_slice(&START_SECONDS.to_le_bytes());
    }
    Ok(bytes)
}

/// A `descriptor-type`.
fn kind(directory: bool) -> u8 {
    if directory { 3 } else { 6 }
}

/// A `metadata-hash-value`.
fn metadata_hash(node: Node) -> [u8; 16] {
    u128::from(Files::number(node) + 1).to_le_bytes()
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

/// An open file or directory, and whether it may be read and written.
fn descriptor(guest: &mut Guest<'_>, number: u32) -> std::result::Result<(Node, bool, bool), Malformed> {
    match handle(guest, number)? {
        Handle::Descriptor { node, read, write } => Ok((*node, *read, *write)),
        _ => Err(Malformed),
    }
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

/// Answers with a new handle.
fn new_handle(guest: &mut Guest<'_>, to: u32, handle: Handle) -> Result {
    charge(guest, HANDLE_WORK)?;
    let number = world(guest).handles.add(handle).ok_or(Error::InsufficientMemory);
    answer(guest, to, 4, number.map(u32::to_le_bytes))
}

/// Answers with nothing, or an error.
fn done(guest: &mut Guest<'_>, to: u32, result: std::result::Result<(), Error>) -> Result {
    answer(guest, to, 1, result.map(|()| []))
}

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
        Err(error) => {
            write(guest, to, &[1])?;
            write(guest, to.wrapping_add(alignment), &[error as u8])
        }
    }
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
