//! Of WASI, the functions on files and directories: `wasi:filesystem`.

use wasmtime::Linker;

use super::{
    Guest, HANDLE_WORK, Result, access, answer, charge, charge_work, handle, hold, part, pointer, world,
};
use crate::abi::{Bytes, Malformed, Record};
use crate::state::State;
use crate::world::World;
use crate::world::clock::START_SECONDS;
use crate::world::files::{Error, Files, Node, Open, PATH_BYTES};
use crate::world::handles::Handle;

/// Gives a guest its files.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    files(linker)?;
    paths(linker)
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
        let directory = world(&mut guest).files.is_directory(node) == Ok(true);
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
            if world(&mut guest).files.is_directory(node) != Ok(true) {
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
        let status = status(world(&mut guest), node);
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
            let removed = at.world.files.remove_directory(at.directory, at.path)?;
            at.world.closed(removed);
            Ok(())
        }),
        ("unlink-file-at", |at| {
            let removed = at.world.files.unlink(at.directory, at.path)?;
            at.world.closed(removed);
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
            match opened {
                Ok(node) if write && world(&mut guest).files.is_directory(node) == Ok(true) => {
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
            let found = find(&mut guest, file, path, length)?;
            let status = found.and_then(|node| status(world(&mut guest), node));
            answer(&mut guest, to, 8, status)
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.metadata-hash-at",
        |mut guest: Guest<'_>, file: u32, _: u32, path: u32, length: u32, to: u32| {
            let found = find(&mut guest, file, path, length)?;
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
                    let replaced = at.world.files.rename(at.directory, at.path, to_directory, &new)?;
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
            let found = find(&mut guest, file, path, length)?;
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
            let found = find(&mut guest, file, path, length)?;
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

/// What is at a path below a directory.
fn find(
    guest: &mut Guest<'_>,
    file: u32,
    path: u32,
    length: u32,
) -> Result<std::result::Result<Node, Error>> {
    below(guest, file, path, length, |at| at.world.files.find(at.directory, at.path))
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
pub async fn read_file(guest: &mut Guest<'_>, node: Node, at: u64, length: usize) -> Result<u32> {
    charge(guest, length)?;
    let access = access(guest)?;
    let place = access.allocate(guest, length, 1).await?;
    let (memory, state) = access.memory.data_and_store_mut(&mut *guest);
    let bytes =
        state.world.files.read(node, at).ok().and_then(|bytes| bytes.get(..length)).ok_or(Malformed)?;
    part(memory, place, length)?.copy_from_slice(bytes);
    Ok(place)
}

/// A `descriptor-stat`: what it is, one link, its size; all its times are the interpreter's start.
fn status(world: &World, node: Node) -> std::result::Result<[u8; 96], Error> {
    let status = world.files.status(node)?;
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

/// An open file or directory, and whether it may be read and written.
fn descriptor(guest: &mut Guest<'_>, number: u32) -> std::result::Result<(Node, bool, bool), Malformed> {
    match handle(guest, number)? {
        Handle::Descriptor { node, read, write } => Ok((*node, *read, *write)),
        _ => Err(Malformed),
    }
}

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
