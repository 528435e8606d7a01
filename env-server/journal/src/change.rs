//! What can be written.

/// One change, which is stored whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An episode begins.
    Created {
        /// Its key, of [`crate::Journal::new_key`].
        key: u64,
        /// Whose it is.
        tenant: String,
        /// Its name. A tenant has one open episode of a name at most.
        id: String,
        /// What it was asked for.
        spec: Vec<u8>,
        /// Its task. Episodes with equal tasks share one row.
        task: Vec<u8>,
    },
    /// Copies of an open episode begin, all or none. They share its task, and its snapshot if it is not after `at`.
    Forked {
        /// The episode that is copied.
        source: u64,
        /// How many of its steps the copies have: the index of their own first step.
        at: u64,
        /// The copies.
        copies: Vec<Fork>,
    },
    /// A step was accepted.
    Step {
        /// The episode.
        key: u64,
        /// The step's index. Indexes rise by one.
        index: u64,
        /// What is kept of it.
        body: Vec<u8>,
        /// How the episode ended, if this step ended it.
        end: Option<Vec<u8>>,
    },
    /// An open episode ended without a step. It stays open until it is closed.
    Ended {
        /// The episode.
        key: u64,
        /// How it ended.
        end: Vec<u8>,
    },
    /// A snapshot holds an episode's state, in place of the one before.
    Snapshot {
        /// The episode.
        key: u64,
        /// The snapshot's file. Several episodes may share one.
        name: String,
        /// The index of the step before which the state was taken.
        before: u64,
    },
    /// An episode begins with a past, as it was read from elsewhere.
    Imported {
        /// As in [`Change::Created`].
        key: u64,
        /// As in [`Change::Created`].
        tenant: String,
        /// As in [`Change::Created`].
        id: String,
        /// As in [`Change::Created`].
        spec: Vec<u8>,
        /// As in [`Change::Created`].
        task: Vec<u8>,
        /// Its steps, from index 0.
        steps: Vec<Vec<u8>>,
        /// How it ended, if it did.
        end: Option<Vec<u8>>,
    },
    /// An episode is closed: it is gone but for a tombstone, which its name finds.
    Closed {
        /// The episode.
        key: u64,
        /// What is kept of it.
        tombstone: Vec<u8>,
    },
}

impl Change {
    /// About how many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        let content = match self {
            Change::Created { tenant, id, spec, task, .. } => {
                tenant.len() + id.len() + spec.len() + task.len()
            }
            Change::Forked { copies, .. } => {
                copies.iter().map(|copy| 64 + copy.tenant.len() + copy.id.len() + copy.spec.len()).sum()
            }
            Change::Step { body, end, .. } => body.len() + end.as_ref().map_or(0, Vec::len),
            Change::Ended { end, .. } => end.len(),
            Change::Snapshot { name, .. } => name.len(),
            Change::Imported { tenant, id, spec, task, steps, end, .. } => {
                let steps: usize = steps.iter().map(|step| 64 + step.len()).sum();
                tenant.len() + id.len() + spec.len() + task.len() + steps + end.as_ref().map_or(0, Vec::len)
            }
            Change::Closed { tombstone, .. } => tombstone.len(),
        };
        128 + content
    }
}

/// A copy of an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Its key, of [`crate::Journal::new_key`].
    pub key: u64,
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub id: String,
    /// What it was asked for.
    pub spec: Vec<u8>,
}

/// What a stored change led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Names of snapshots that no open episode uses any more: their files can be deleted.
    pub unused_snapshots: Vec<String>,
}
