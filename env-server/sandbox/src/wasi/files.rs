//! What the functions of `wasi:filesystem` share: open descriptors, reading, and the layout of a file's
//! status.

use super::answer::FileResult;
use super::call::{Guest, Result, access, charge, handle, slice_mut};
use crate::abi::Malformed;
use crate::world::World;
use crate::world::clock::START_SECONDS;
use crate::world::files::{Files, Node};
use crate::world::handles::Handle;

/// The open file or directory with a number, and whether it may be read and written.
pub fn descriptor(guest: &mut Guest<'_>, number: u32) -> Result<(Node, bool, bool)> {
    match handle(guest, number)? {
        Handle::Descriptor { node, read, write } => Ok((*node, *read, *write)),
        _ => Err(Malformed.into()),
    }
}

/// Copies `length` existing bytes of a file to newly allocated memory of the guest. Returns their address.
pub async fn read_file(guest: &mut Guest<'_>, node: Node, at: u64, length: usize) -> Result<u32> {
    charge(guest, length)?;
    let access = access(guest)?;
    let address = access.allocate(guest, length, 1).await?;
    let (memory, state) = access.memory.data_and_store_mut(&mut *guest);
    let bytes =
        state.world.files.read(node, at).ok().and_then(|bytes| bytes.get(..length)).ok_or(Malformed)?;
    slice_mut(memory, address, length)?.copy_from_slice(bytes);
    Ok(address)
}

/// A `descriptor-stat`: the type, one link, the size, and the interpreter's start for all times.
pub fn status(world: &World, node: Node) -> FileResult<[u8; 96]> {
    let status = world.files.status(node)?;
    let mut bytes = [0; 96];
    bytes[0] = descriptor_type(status.is_directory);
    bytes[8] = 1;
    bytes[16..24].copy_from_slice(&status.size.to_le_bytes());
    for time in bytes[24..].chunks_exact_mut(24) {
        time[0] = 1;
        time[8..16].copy_from_slice(&START_SECONDS.to_le_bytes());
    }
    Ok(bytes)
}

/// A `descriptor-type`.
pub fn descriptor_type(is_directory: bool) -> u8 {
    if is_directory { 3 } else { 6 }
}

/// A `metadata-hash-value`.
pub fn metadata_hash(node: Node) -> [u8; 16] {
    u128::from(Files::number(node) + 1).to_le_bytes()
}
