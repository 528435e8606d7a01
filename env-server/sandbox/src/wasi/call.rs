//! What the functions of WASI share: access to the calling guest, its handles and its fuel.

use wasmtime::Caller;

use crate::abi::{Access, Malformed};
use crate::fuel;
use crate::state::State;
use crate::world::World;
use crate::world::handles::Handle;

pub type Guest<'a> = Caller<'a, State>;
/// The result of a host function. An error ends the guest.
pub type Result<T = ()> = wasmtime::Result<T>;

/// The world of the calling guest.
pub fn world<'a>(guest: &'a mut Guest<'_>) -> &'a mut World {
    &mut guest.data_mut().world
}

/// The host's access to the calling guest's memory.
pub fn access(guest: &Guest<'_>) -> Result<Access> {
    Ok(guest.data().access.clone().ok_or(Malformed)?)
}

/// The `length` bytes at an address.
pub fn slice_mut(memory: &mut [u8], at: u32, length: usize) -> Result<&mut [u8]> {
    Ok(memory.get_mut(at as usize..).and_then(|rest| rest.get_mut(..length)).ok_or(Malformed)?)
}

/// The handle with a number.
pub fn handle<'a>(guest: &'a mut Guest<'_>, number: u32) -> Result<&'a mut Handle> {
    Ok(world(guest).handles.get_mut(number).ok_or(Malformed)?)
}

/// Gives the guest a new handle and returns its number.
pub fn new_handle(guest: &mut Guest<'_>, handle: Handle) -> Result<u32> {
    charge(guest, HANDLE_WORK)?;
    world(guest).handles.add(handle).ok_or_else(|| TooManyHandles.into())
}

/// The work of finding a free number for a handle, or of checking whether another handle refers to the same
/// file.
pub const HANDLE_WORK: usize = 3_000;

/// The guest has more handles than any program needs.
#[derive(Debug, thiserror::Error)]
#[error("the guest holds too many handles")]
struct TooManyHandles;

/// Takes fuel for bytes that the host moves on the guest's behalf, one unit a byte: twice the price of bytes that the
/// guest moves, because the host's copy is rarely in a cache.
pub fn charge(guest: &mut Guest<'_>, bytes: usize) -> Result {
    fuel::tank(guest)?.charge(guest, bytes as u64)
}

/// Takes fuel for the work on files since the last call.
pub fn charge_work(guest: &mut Guest<'_>) -> Result {
    let work = world(guest).files.take_work();
    charge(guest, work)
}
