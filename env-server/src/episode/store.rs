//! What is stored of episodes, so that they outlive the server.
//!
//! The journal keeps bytes, in an order, each once it has said so. Here these bytes get their meaning: a definition, a step, an
//! end, a tombstone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use journal::{Change, Journal, WriteError};
use proto::task::TaskFile;
use sandbox::{Sandbox, StoredSnapshot};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::encoding::{decode, encode, unreadable};
use super::end::End;
use super::play::Past;
use super::portable::Portable;
use super::spec::Spec;
use super::step::Record;
use super::tombstone::Tombstone;
use crate::error::Error;
use crate::family;

/// Where the episodes of a server are stored.
pub struct Store {
    journal: Journal,
    sandbox: Sandbox,
}

/// What is known of a stored episode without its steps.
pub struct Found {
    /// Its key in the journal.
    pub key: u64,
    /// Its definition.
    pub spec: Spec,
    /// When it was created.
    pub created_at: SystemTime,
    /// How many steps were taken.
    pub steps: u64,
    /// How it ended, if it has.
    pub end: Option<End>,
}

/// A copy of an episode that is to be stored.
pub struct Fork {
    /// Its key in the journal.
    pub key: u64,
    /// Its definition.
    pub spec: Arc<Spec>,
    /// When it was created.
    pub created_at: SystemTime,
}

/// An episode's definition, as it is stored.
#[derive(Serialize, Deserialize)]
struct Definition {
    spec: Spec,
    created_at: SystemTime,
}

/// Tells when a change is stored.
pub struct Receipt(oneshot::Receiver<Result<(), Error>>);

impl Receipt {
    /// Waits until the change is stored.
    ///
    /// # Errors
    /// [`Error::StorageFull`]: it is not.
    pub async fn stored(self) -> Result<(), Error> {
        self.0.await.unwrap_or_else(|_| Err(Error::Internal("the store has ended".to_owned())))
    }
}

impl Store {
    /// A store in this journal. Snapshots that no episode uses any more are deleted by `sandbox`.
    pub fn new(journal: Journal, sandbox: Sandbox) -> Self {
        Self { journal, sandbox }
    }

    /// The journal.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The key of a new episode.
    pub fn new_key(&self) -> u64 {
        self.journal.new_key()
    }

    /// Refuses what needs room, while there is little.
    ///
    /// # Errors
    /// [`Error::StorageFull`].
    pub fn check_room(&self) -> Result<(), Error> {
        if self.journal.has_room() { Ok(()) } else { Err(Error::StorageFull) }
    }

    /// Stores an episode before its first step.
    pub fn create(&self, key: u64, spec: &Spec, created_at: SystemTime, task: &TaskFile) -> Receipt {
        let task = serde_json::to_vec(task).unwrap_or_default();
        let (tenant, id) = (spec.tenant.clone(), spec.episode_id.clone());
        self.write(Change::Created { key, tenant, id, spec: definition(spec, created_at), task })
    }

    /// Stores an episode with its steps.
    pub fn import(&self, key: u64, spec: &Spec, created_at: SystemTime, portable: Portable) -> Receipt {
        let Portable { task, steps, .. } = portable;
        let (tenant, id) = (spec.tenant.clone(), spec.episode_id.clone());
        let (spec, task) = (definition(spec, created_at), task.into_bytes());
        self.write(Change::Imported { key, tenant, id, spec, task, steps, end: None })
    }

    /// Stores copies of an episode: all, or none. Their own steps begin with the index `at`.
    pub fn fork(&self, source: u64, at: u64, copies: Vec<Fork>) -> Receipt {
        let copy = |Fork { key, spec, created_at }: Fork| journal::Fork {
            key,
            tenant: spec.tenant.clone(),
            id: spec.episode_id.clone(),
            spec: definition(&spec, created_at),
        };
        self.write(Change::Forked { source, at, copies: copies.into_iter().map(copy).collect() })
    }

    /// Stores a step, and then calls `done`.
    pub fn step(&self, key: u64, record: &Record, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let end = record.answer.end.as_ref().map(encode);
        let change = Change::Step { key, index: record.request.index, body: record.to_bytes(), end };
        self.journal.write(change, move |written| done(written.map(drop).map_err(not_stored)));
    }

    /// Stores which snapshot an episode's interpreter can be made from.
    pub fn snapshot(&self, key: u64, StoredSnapshot { name, before }: &StoredSnapshot) {
        // Nobody waits for it.
        drop(self.write(Change::Snapshot { key, name: name.to_string(), before: *before }));
    }

    /// Stores that an episode is closed, and forgets its steps.
    pub fn close(&self, key: u64, tombstone: &Tombstone) -> Receipt {
        self.write(Change::Closed { key, tombstone: encode(tombstone) })
    }

    /// Tells when all that was written before is stored.
    pub async fn flushed(&self) -> Result<(), Error> {
        let (told, receipt) = oneshot::channel();
        // Whoever asked may have gone.
        self.journal.after(move |stored| drop(told.send(stored.map_err(not_stored))));
        Receipt(receipt).stored().await
    }

    fn write(&self, change: Change) -> Receipt {
        let (told, receipt) = oneshot::channel();
        let sandbox = self.sandbox.clone();
        self.journal.write(change, move |written| {
            let written = written.map(|written| {
                for name in &written.unused_snapshots {
                    kill_points::pass("snapshot.before_delete");
                    sandbox.remove_snapshot(name);
                    kill_points::pass("snapshot.after_delete");
                }
            });
            // Whoever asked may have gone.
            let _ = told.send(written.map_err(not_stored));
        });
        Receipt(receipt)
    }

    /// An episode of a server that began again, without its steps.
    ///
    /// # Errors
    /// It was stored by another version of the server.
    pub fn found(&self, stored: journal::OpenEpisode) -> Result<Found, Error> {
        let Definition { spec, created_at } = decode(&stored.spec)?;
        let end = stored.end.as_deref().map(decode).transpose()?;
        Ok(Found { key: stored.key, spec, created_at, steps: stored.steps, end })
    }

    /// The task of an episode.
    ///
    /// # Errors
    /// The store's.
    pub fn task(&self, key: u64) -> Result<TaskFile, Error> {
        let text = self.journal.task(key).map_err(unreadable)?;
        let value = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        family::parse(&value).map_err(|error| unreadable(&error))
    }

    /// One of the steps that an episode has taken.
    ///
    /// # Errors
    /// The store's.
    pub fn record(&self, key: u64, index: u64) -> Result<Record, Error> {
        let steps = self.journal.steps(key, index..index + 1).map_err(unreadable)?;
        Record::from_bytes(steps.first().map(Vec::as_slice).unwrap_or_default())
    }

    /// The steps that an episode has taken before the one with the index `until`, and its snapshot if that is not after them.
    ///
    /// # Errors
    /// The store's.
    pub fn past(&self, key: u64, until: u64) -> Result<Past, Error> {
        let records = self.journal.steps(key, 0..until).map_err(unreadable)?;
        let records = records
            .iter()
            .map(|record| Record::from_bytes(record).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let snapshot = self.journal.snapshot(key).map_err(unreadable)?;
        let snapshot = snapshot
            .map(|(name, before)| StoredSnapshot { name: name.into(), before })
            .filter(|stored| stored.before <= until);
        Ok(Past { records, snapshot })
    }

    /// What is remembered of a closed episode.
    ///
    /// # Errors
    /// The store's.
    pub fn closed(&self, tenant: &str, id: &str) -> Result<Option<Tombstone>, Error> {
        let stored = self.journal.closed(tenant, id).map_err(unreadable)?;
        stored.as_deref().map(decode).transpose()
    }

    /// Forgets closed episodes beyond this age or number.
    pub fn forget_closed(&self, age: Duration, most: u64) {
        self.journal.forget_closed(age, most);
    }
}

fn definition(spec: &Spec, created_at: SystemTime) -> Vec<u8> {
    encode(&Definition { spec: spec.to_store(), created_at })
}

fn not_stored(error: WriteError) -> Error {
    match error {
        WriteError::Full => Error::StorageFull,
        error => Error::Internal(error.to_string()),
    }
}
