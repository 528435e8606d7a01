//! One episode's part of the store.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use proto::task::TaskFile;
use sandbox::StoredSnapshot;

use super::play::{Past, lock};
use super::portable::Portable;
use super::spec::Spec;
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
    pub fn create(&self, spec: &Spec, created_at: SystemTime, task: &TaskFile) -> Receipt {
        self.store.create(self.key, spec, created_at, task)
    }

    /// Stores the episode, with the steps that it has taken on another server.
    pub fn import(&self, spec: &Spec, created_at: SystemTime, portable: Portable) -> Receipt {
        self.store.import(self.key, spec, created_at, portable)
    }

    /// The episode as a copy that is to be stored.
    pub fn as_fork(&self, spec: Arc<Spec>, created_at: SystemTime) -> Fork {
        Fork { key: self.key, spec, created_at }
    }

    /// Stores copies of the episode, whose own steps begin with the index `at`.
    pub fn fork(&self, at: u64, copies: Vec<Fork>) -> Receipt {
        self.store.fork(self.key, at, copies)
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
            kill_points::pass("snapshot.before_row");
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
