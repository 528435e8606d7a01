//! Makes the guest's build reproducible: it is preloaded into `componentize-py` and returns the same "random" bytes in
//! every build. Python takes the seed of its string hashes from them. The seed becomes part of the snapshot, and the
//! order of a set must not depend on the build.

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
