//! One episode's part of the store.

use std::sync::{Arc, Mutex};

use proto::task::TaskFile;
use sandbox::StoredSnapshot;

use super::episode::Episode;
use super::play::{Past, lock};
use super::portable::Portable;
use super::step::Record;
use super::store::{Fork, Receipt, Store};
use super::tombstone::Tombstone;
use crate::error::Error;

/// One episode's part of the store.
pub struct Stored {
    store: Arc<Store>,
    /// Its key there.
    key: u64,
    /// The name of the snapshot that was stored last.
    snapshot: Mutex<Option<Arc<str>>>,
}

impl Stored {
    /// That of the episode with this key.
    pub fn new(store: Arc<Store>, key: u64) -> Self {
        Self { store, key, snapshot: Mutex::default() }
    }

    /// That of a copy: what is stored of it says that it begins with the same snapshot.
    pub fn another(&self) -> Self {
        let snapshot = Mutex::new(lock(&self.snapshot).clone());
        Self { store: self.store.clone(), key: self.store.new_key(), snapshot }
    }

    /// Stores the episode, before its first step.
    pub fn create(&self, episode: &Episode, task: &TaskFile) -> Receipt {
        self.store.create(self.key, episode.spec(), episode.created_at(), task)
    }

    /// Stores the episode, with the steps that it has taken on another server.
    pub fn import(&self, episode: &Episode, portable: Portable) -> Receipt {
        self.store.import(self.key, episode.spec(), episode.created_at(), portable)
    }

    /// Stores copies of the episode, whose own steps begin with the index `at`.
    pub fn fork(&self, at: u64, copies: &[Arc<Episode>]) -> Receipt {
        let copy = |copy: &Arc<Episode>| {
            let key = copy.stored()?.key;
            Some(Fork { key, spec: copy.spec().clone(), created_at: copy.created_at() })
        };
        self.store.fork(self.key, at, copies.iter().filter_map(copy).collect())
    }

    /// Stores a step, and then calls `done`.
    pub fn step(&self, record: &Record, done: impl FnOnce(Result<(), Error>) + Send + 'static) {
        self.store.step(self.key, record, done);
    }

    /// Stores which snapshot the interpreter can be made from, if that has changed.
    pub fn note_snapshot(&self, snapshot: Option<&StoredSnapshot>) {
        let Some(snapshot) = snapshot else { return };
        let mut known = lock(&self.snapshot);
        if known.as_ref() != Some(&snapshot.name) {
            *known = Some(snapshot.name.clone());
            self.store.snapshot(self.key, snapshot);
        }
    }

    /// Stores that the episode is closed.
    pub fn close(&self, tombstone: &Tombstone) -> Receipt {
        self.store.close(self.key, tombstone)
    }

    /// Its task.
    ///
    /// # Errors
    /// The store's.
    pub fn task(&self) -> Result<TaskFile, Error> {
        self.store.task(self.key)
    }

    /// One of the steps that it has taken.
    ///
    /// # Errors
    /// The store's.
    pub fn record(&self, index: u64) -> Result<Record, Error> {
        self.store.record(self.key, index)
    }

    /// The steps that it has taken before the one with this index.
    ///
    /// # Errors
    /// The store's.
    pub fn past(&self, until: u64) -> Result<Past, Error> {
        self.store.past(self.key, until)
    }
}
