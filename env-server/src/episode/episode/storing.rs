//! What is stored of an episode beside its steps.

use std::sync::Arc;

use proto::task::TaskFile;

use super::Episode;
use crate::episode::play::Play;
use crate::episode::portable::Portable;
use crate::episode::store::Receipt;

impl Episode {
    /// Stores that it is created; `None` where episodes are not stored.
    pub fn store(&self, task: &TaskFile) -> Option<Receipt> {
        Some(self.stored.as_ref()?.create(&self.spec, self.created_at, task))
    }

    /// Stores that it goes on here; `None` where episodes are not stored.
    pub fn store_imported(&self, portable: Portable) -> Option<Receipt> {
        Some(self.stored.as_ref()?.import(&self.spec, self.created_at, portable))
    }

    /// Stores copies of it, whose own steps begin with the index `at`; `None` where episodes are not stored.
    pub fn store_copies(&self, at: u64, copies: &[Arc<Self>]) -> Option<Receipt> {
        let fork = |copy: &Arc<Self>| {
            let stored = copy.stored.as_ref()?;
            Some(stored.as_fork(copy.spec.clone(), copy.created_at))
        };
        Some(self.stored.as_ref()?.fork(at, copies.iter().filter_map(fork).collect()))
    }

    /// Stores which snapshot the interpreter can be made from. No step may be waiting to be stored.
    pub(super) fn note_snapshot(&self, play: &Play) {
        if let Some(stored) = &self.stored {
            stored.note_snapshot(play.stored_snapshot().as_ref());
        }
    }
}
