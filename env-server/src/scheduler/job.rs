//! What the queues know of a piece of work.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use sandbox::Stop;

/// What the queues know of a piece of work.
pub struct Job {
    /// The tenant that the work is for.
    pub tenant: Arc<str>,
    /// The turns that it has had.
    pub turns: AtomicU32,
    /// Work that is asked to stop runs first: somebody waits for its end.
    pub stop: Stop,
}

/// Work that does nothing, of a tenant, which has had this many turns.
#[cfg(test)]
pub fn work(tenant: &str, turns: u32) -> async_task::Runnable<Job> {
    let job = Job { tenant: tenant.into(), turns: AtomicU32::new(turns), stop: Stop::default() };
    let (runnable, task) = async_task::Builder::new().metadata(job).spawn(|_| async {}, drop);
    task.detach();
    runnable
}
