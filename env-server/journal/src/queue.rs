//! Changes that wait for the writer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::change::{Change, Written};
use crate::error::WriteError;

/// The most bytes of changes that one transaction takes: about a tenth of a second of a slow disk.
const BATCH_BYTES: usize = 16 << 20;

/// Called once with what became of a change.
pub(crate) type Done = Box<dyn FnOnce(Result<Written, WriteError>) + Send>;

/// Something for the writer to do.
pub(crate) enum Item {
    Change {
        change: Change,
        done: Done,
    },
    /// Deletes tombstones that are older, or more, than this.
    Forget {
        older_than: Duration,
        keep_most: u64,
    },
    /// Is called once everything before it is stored.
    Flush(Done),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Item::Change { change, .. } => change.bytes(),
            Item::Forget { .. } | Item::Flush(_) => 0,
        }
    }

    /// Says that it will not be done.
    pub fn refuse(self) {
        match self {
            Item::Change { done, .. } | Item::Flush(done) => done(Err(WriteError::Stopped)),
            Item::Forget { .. } => (),
        }
    }
}

/// What the writer takes.
pub(crate) struct Taken {
    pub items: Vec<Item>,
    /// Whether these are the last.
    pub is_last: bool,
}

/// The queue: unbounded, in the order of its calls.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    /// Adds something; if the queue is closed, it is refused.
    pub fn push(&self, item: Item) {
        let mut state = self.state();
        if state.closed {
            drop(state);
            item.refuse();
            return;
        }
        state.bytes += item.bytes();
        state.items.push_back(item);
        drop(state);
        self.filled.notify_one();
    }

    /// Takes nothing more in.
    pub fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }

    /// Waits until there is something to do, at most so long, and takes all of it that one transaction can hold.
    pub fn take(&self, patience: Option<Duration>) -> Taken {
        let mut state = self.state();
        let is_idle = |state: &mut State| state.items.is_empty() && !state.closed;
        let is_awaited = is_idle(&mut state);
        state = match patience {
            None => self.filled.wait_while(state, is_idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                self.filled
                    .wait_timeout_while(state, patience, is_idle)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        };
        if is_awaited {
            // On a busy machine others have their turn first, and add to the transaction; on an idle one this takes no time.
            drop(state);
            thread::yield_now();
            state = self.state();
        }
        let mut bytes = 0;
        let mut items = Vec::with_capacity(state.items.len());
        while bytes < BATCH_BYTES {
            let Some(item) = state.items.pop_front() else { break };
            bytes += item.bytes();
            items.push(item);
        }
        state.bytes -= bytes;
        Taken { items, is_last: state.closed && state.items.is_empty() }
    }

    /// Says of everything in a closed queue that it will not be done.
    pub fn refuse_rest(&self) {
        loop {
            let taken = self.take(Some(Duration::ZERO));
            taken.items.into_iter().for_each(Item::refuse);
            if taken.is_last {
                return;
            }
        }
    }

    /// How many wait, and about how many bytes they have.
    pub fn size(&self) -> (usize, usize) {
        let state = self.state();
        (state.items.len(), state.bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
