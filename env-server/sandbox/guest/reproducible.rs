//! Makes a build of the guest reproducible: preloaded into `componentize-py`, it gives every build the same
//! "random" bytes. Python draws the seed of its string hashes from them, and that seed is frozen into the
//! snapshot: the order of a set must not depend on who built the component.

use std::ffi::{c_uint, c_void};

/// `getrandom(2)`: fills the buffer with a fixed pattern.
///
/// # Safety
/// The caller owns `length` bytes at `buffer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, _flags: c_uint) -> isize {
    for at in 0..length {
        // SAFETY: `at` is within the caller's buffer.
        unsafe { buffer.cast::<u8>().add(at).write((at as u8).wrapping_mul(37).wrapping_add(11)) };
    }
    length as isize
}
