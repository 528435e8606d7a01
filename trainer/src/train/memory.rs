//! Memory: how much there is in use, and what happens when there is no more.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Bytes of main memory that this process has in use; none where the system does not say.
pub fn in_use() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}

/// Runs tensor code; where it panics because a tensor found no room, what libtorch said of that, in a line.
pub fn guard<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| match exhausted(panic.as_ref()) {
        Some(reason) => reason,
        None => resume_unwind(panic),
    })
}

/// Panics for want of memory say nothing: [`guard`]'s caller does. All others speak as before.
pub fn quiet_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if exhausted(panic.payload()).is_none() {
            before(panic);
        }
    }));
}

/// The CPU's allocator says "can't allocate memory", CUDA's "out of memory".
fn exhausted(panic: &(dyn Any + Send)) -> Option<String> {
    let text = match panic.downcast_ref::<String>() {
        Some(text) => text.as_str(),
        None => panic.downcast_ref::<&str>()?,
    };
    // The error is printed as Rust's debug format prints it, with `\n` for line ends.
    let line = text.lines().flat_map(|line| line.split("\\n"));
    line.into_iter()
        .find(|line| line.contains("out of memory") || line.contains("can't allocate memory"))
        .map(|line| line.trim_matches(['"', ' ']).to_owned())
}
