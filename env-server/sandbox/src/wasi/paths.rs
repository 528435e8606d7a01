//! `wasi:filesystem`: the functions of a path below an open directory.

use wasmtime::Linker;

use super::answer::{FileResult, answer, answer_handle, answer_unit};
use super::call::{Guest, Result, access, charge, charge_work, world};
use super::files::{changing, descriptor, metadata_hash, new_time, status};
use crate::abi::Bytes;
use crate::state::State;
use crate::world::World;
use crate::world::files::paths::{Open, PATH_BYTES};
use crate::world::files::{Error, Node};
use crate::world::handles::Handle;

/// The arguments of a function `descriptor.name(path)`.
struct At<'a> {
    world: &'a mut World,
    directory: Node,
    path: &'a str,
}

/// Adds the functions to a linker.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    let types = "wasi:filesystem/types";
    for (name, act) in [
        (
            "create-directory-at",
            (|at| changing(at.world).create_directory(at.directory, at.path)) as fn(At<'_>) -> _,
        ),
        ("remove-directory-at", |at| {
            let removed = changing(at.world).remove_directory(at.directory, at.path)?;
            at.world.release(removed);
            Ok(())
        }),
        ("unlink-file-at", |at| {
            let removed = changing(at.world).unlink(at.directory, at.path)?;
            at.world.release(removed);
            Ok(())
        }),
    ] {
        let name = format!("[method]descriptor.{name}");
        linker.func_wrap(
            types,
            &name,
            move |mut guest: Guest<'_>, file: u32, path: u32, length: u32, to: u32| {
                let acted = with_path(&mut guest, file, path, length, act)?;
                answer_unit(&mut guest, to, acted)
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
            let opened = with_path(&mut guest, file, path, length, |at| {
                let files = if how.create || how.truncate { changing(at.world) } else { &mut at.world.files };
                files.open(at.directory, at.path, how)
            })?;
            match opened {
                Ok(node) if write && world(&mut guest).files.is_directory(node) == Ok(true) => {
                    answer::<4>(&mut guest, to, 4, Err(Error::IsDirectory))
                }
                Ok(node) => answer_handle(&mut guest, to, Handle::Descriptor { node, read, write }),
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
                Ok(new) => with_path(&mut guest, file, path, length, |at| {
                    let replaced = changing(at.world).rename(at.directory, at.path, to_directory, &new)?;
                    replaced.into_iter().for_each(|node| at.world.release(node));
                    Ok(())
                })?,
            };
            answer_unit(&mut guest, to, renamed)
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.readlink-at",
        |mut guest: Guest<'_>, file: u32, path: u32, length: u32, to: u32| {
            let found = find(&mut guest, file, path, length)?;
            // There are no links.
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
         case: u32,
         seconds: u64,
         nanos: u32,
         modified_case: u32,
         modified_seconds: u64,
         modified_nanos: u32,
         to: u32| {
            let accessed = new_time((case, seconds, nanos))?;
            let modified = new_time((modified_case, modified_seconds, modified_nanos))?;
            let set = with_path(&mut guest, file, path, length, |at| {
                let node = at.world.files.find(at.directory, at.path)?;
                changing(at.world).set_times(node, accessed, modified)
            })?;
            answer_unit(&mut guest, to, set)
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.symlink-at",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, to: u32| {
            answer_unit(&mut guest, to, Err(Error::Unsupported))
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.link-at",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, to: u32| {
            answer_unit(&mut guest, to, Err(Error::Unsupported))
        },
    )?;
    Ok(())
}

/// Calls `act` with the path that a function was given.
fn with_path<T>(
    guest: &mut Guest<'_>,
    file: u32,
    path: u32,
    length: u32,
    act: impl FnOnce(At<'_>) -> FileResult<T>,
) -> Result<FileResult<T>> {
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

/// The file or directory at a path.
fn find(guest: &mut Guest<'_>, file: u32, path: u32, length: u32) -> Result<FileResult<Node>> {
    with_path(guest, file, path, length, |at| at.world.files.find(at.directory, at.path))
}

/// Reads a path and charges the fuel for looking it up.
fn read_path(guest: &mut Guest<'_>, at: u32, length: u32) -> Result<FileResult<String>> {
    /// The work of a lookup per byte of the path: in the worst case every second byte is a name.
    const BYTE_WORK: usize = 100;
    /// The work of copying the path, and of a lookup of no name.
    const PATH_WORK: usize = 4_000;
    if length as usize > PATH_BYTES {
        return Ok(Err(Error::NameTooLong));
    }
    charge(guest, PATH_WORK + length as usize * BYTE_WORK)?;
    let memory = access(guest)?.memory.data(&*guest);
    let bytes = Bytes(memory).slice(at, length)?;
    Ok(std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Error::Invalid))
}
