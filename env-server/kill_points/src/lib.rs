//! Points of the server's code at which tests kill it.
//!
//! Only `make faults` compiles them in, by the feature `on`. Then the variable [`VARIABLE`] names one point, and after it, behind a `=`,
//! at which of its passings the process kills itself: `journal.before_commit=3`. The process ends as by `kill -9`.

/// The variable that names a point and a number of passings.
pub const VARIABLE: &str = "KILL_POINT";

/// A point of this name is passed.
#[cfg(feature = "on")]
pub fn pass(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static CHOSEN: OnceLock<Option<(String, AtomicU64)>> = OnceLock::new();
    let read = || {
        let text = std::env::var(VARIABLE).ok()?;
        let (point, passings) = text.split_once('=')?;
        Some((point.to_owned(), AtomicU64::new(passings.parse().ok()?)))
    };
    if let Some((point, left)) = CHOSEN.get_or_init(read)
        && point == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // It does not return.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// A point of this name is passed, which does nothing here.
#[cfg(not(feature = "on"))]
#[inline(always)]
pub fn pass(_name: &str) {}
