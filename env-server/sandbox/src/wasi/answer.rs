//! Writes the results of functions to the guest's memory, at the address `to`.
//!
//! A WASI result is a byte, 0 for a value and 1 for an error, and the value or the error's number at the next
//! address that has the alignment of the value.

use super::call::{Guest, HANDLE_WORK, Result, access, charge, world};
use crate::world::files::Error;
use crate::world::handles::Handle;

/// The result of a file operation. An error is reported to the guest.
pub type FileResult<T = ()> = std::result::Result<T, Error>;

/// Writes a value, or an error.
pub fn answer<const BYTES: usize>(
    guest: &mut Guest<'_>,
    to: u32,
    alignment: u32,
    result: FileResult<[u8; BYTES]>,
) -> Result {
    match result {
        Ok(value) => {
            write(guest, to, &[0])?;
            write(guest, to.wrapping_add(alignment), &value)
        }
        Err(error) => fail(guest, to, alignment, error as u8),
    }
}

/// Writes an error by its number. `alignment` is that of the value that the function would return.
pub fn fail(guest: &mut Guest<'_>, to: u32, alignment: u32, code: u8) -> Result {
    write(guest, to, &[1])?;
    write(guest, to.wrapping_add(alignment), &[code])
}

/// Writes the result of a function that returns no value.
pub fn answer_unit(guest: &mut Guest<'_>, to: u32, result: FileResult) -> Result {
    answer(guest, to, 1, result.map(|()| []))
}

/// Gives the guest a new handle and writes its number, or `insufficient-memory` if it has too many.
pub fn answer_handle(guest: &mut Guest<'_>, to: u32, handle: Handle) -> Result {
    charge(guest, HANDLE_WORK)?;
    let number = world(guest).handles.add(handle).ok_or(Error::InsufficientMemory);
    answer(guest, to, 4, number.map(u32::to_le_bytes))
}

/// Writes the address and the length of a list.
pub fn pointer(guest: &mut Guest<'_>, to: u32, (at, length): (u32, u32)) -> Result {
    write(guest, to, &[at, length].map(u32::to_le_bytes).concat())
}

/// Writes bytes.
pub fn write(guest: &mut Guest<'_>, at: u32, bytes: &[u8]) -> Result {
    access(guest)?.write(guest, at, bytes)
}
