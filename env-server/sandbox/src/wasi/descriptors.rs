//! `wasi:filesystem`: the functions of an open file or directory.

use wasmtime::Linker;

use super::answer::{answer, answer_handle, answer_unit, pointer};
use super::call::{Guest, Result, access, charge, charge_work, handle, new_handle, world};
use super::files::{descriptor, descriptor_type, metadata_hash, read_file, status};
use crate::abi::{Bytes, Malformed, Record};
use crate::state::State;
use crate::world::files::Error;
use crate::world::handles::Handle;

/// Adds the functions to a linker.
pub fn add_to_linker(linker: &mut Linker<State>) -> Result {
    let types = "wasi:filesystem/types";
    linker.func_wrap_async(
        "wasi:filesystem/preopens",
        "get-directories",
        |mut guest: Guest<'_>, (to,): (u32,)| {
            Box::new(async move {
                let node = world(&mut guest).files.root();
                let root = new_handle(&mut guest, Handle::Descriptor { node, read: true, write: true })?;
                let access = access(&guest)?;
                let path = access.pass_text(&mut guest, "/").await?;
                let list =
                    access.pass_record(&mut guest, &Record::default().word(root).pointer(path)).await?;
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
            answer_handle(&mut guest, to, Handle::Reader { node, at })
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
        |mut guest: Guest<'_>, _: u32, _: u64, _: u64, _: u32, to: u32| answer_unit(&mut guest, to, Ok(())),
    )?;
    for name in ["sync", "sync-data"] {
        let name = format!("[method]descriptor.{name}");
        linker.func_wrap(types, &name, |mut guest: Guest<'_>, _: u32, to: u32| {
            answer_unit(&mut guest, to, Ok(()))
        })?;
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
            answer_unit(&mut guest, to, resized)
        },
    )?;
    linker.func_wrap(
        types,
        "[method]descriptor.set-times",
        |mut guest: Guest<'_>, _: u32, _: u32, _: u64, _: u32, _: u32, _: u64, _: u32, to: u32| {
            // File times never change.
            answer_unit(&mut guest, to, Ok(()))
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
            answer_handle(&mut guest, to, Handle::Entries { node, last: None })
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
    let address = read_file(&mut guest, node, at, length).await?;
    let mut result = [0; 9];
    result[..4].copy_from_slice(&address.to_le_bytes());
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
            let (at, length) = access(&guest)?.pass_text(&mut guest, &name).await?;
            result[0] = 1;
            result[4] = descriptor_type(directory);
            result[8..12].copy_from_slice(&at.to_le_bytes());
            result[12..].copy_from_slice(&length.to_le_bytes());
            if let Handle::Entries { last, .. } = handle(&mut guest, stream)? {
                *last = Some(name);
            }
        }
    }
    answer(&mut guest, to, 4, Ok(result))
}

fn writer(mut guest: Guest<'_>, file: u32, at: Option<u64>, to: u32) -> Result {
    let (node, _, write) = descriptor(&mut guest, file)?;
    if !write {
        return answer::<4>(&mut guest, to, 4, Err(Error::BadDescriptor));
    }
    answer_handle(&mut guest, to, Handle::Writer { node, at })
}
