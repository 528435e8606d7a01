//! What the threads of a journal share.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::options::OnFailure;
use crate::queue::Queue;
use crate::room::Room;
use crate::stats::Counts;

/// What the threads of a journal share.
pub(crate) struct Shared {
    pub queue: Queue,
    pub counts: Counts,
    pub room: Room,
    on_failure: OnFailure,
    failed: AtomicBool,
}

impl Shared {
    pub fn new(room: Room, on_failure: OnFailure) -> Self {
        let (queue, counts) = Default::default();
        Self { queue, counts, room, on_failure, failed: AtomicBool::new(false) }
    }

    /// Ends the journal: nothing is written any more, since what is stored cannot be relied upon. Only the first
    /// failure is told.
    pub fn fail(&self, problem: &str) {
        self.queue.close();
        if !self.failed.swap(true, Ordering::SeqCst) {
            tracing::error!(problem, "the journal has failed");
            (self.on_failure)(problem);
        }
    }

    /// Whether the journal has failed.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }
}
