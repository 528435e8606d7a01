//! Memory: how much is in use, and what happens when it is exhausted.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bytes of main memory that this process uses; `None` if the system does not report it.
pub fn in_use() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}

/// Runs tensor code. If it panics because memory is exhausted, returns libtorch's message, in a line; other
/// panics continue.
pub fn catch_exhaustion<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match exhausted(panic.as_ref()) {
        Some(reason) => reason,
        None => resume_unwind(panic),
    })
}

/// Silences the panics that [`catch_exhaustion`] catches, because its caller reports them.
pub fn silence_exhaustion() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if exhausted(panic.payload()).is_none() {
            before(panic);
        }
    }));
}

/// The message of a panic because of exhausted memory. The CPU's allocator says "can't allocate memory",
/// CUDA's "out of memory".
fn exhausted(panic: &(dyn Any + Send)) -> Option<String> {
    let text = match panic.downcast_ref::<String>() {
        Some(text) => text.as_str(),
        None => panic.downcast_ref::<&str>()?,
    };
    // The panic holds the error in Rust's debug format, with `\n` for line breaks.
    let line = text.lines().flat_map(|line| line.split("\\n"));
    line.into_iter()
        .find(|line| line.contains("out of memory") || line.contains("can't allocate memory"))
        .map(|line| line.trim_matches(['"', ' ']).to_owned())
}
