//! What each change does to the tables.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};

use crate::change::{Change, Fork, Written};
use crate::read;
use crate::rows::{self, Closed, Episode, Meta, Snapshot, Step, Task, Trimmed, Use, execute};
use crate::writer::trouble::Trouble;

/// The keys that are given before the next row that says so.
const KEYS: u64 = 1 << 16;
/// The row of `meta` that is above every key that was given and used.
pub(crate) const NEXT_KEY: &str = "next_key";

/// What the writer knows of the tables without reading them.
#[derive(Default)]
pub(crate) struct Tables {
    /// The index of the next step of each open episode.
    next: HashMap<u64, u64>,
    /// What `next` held before the transaction.
    undo: Vec<(u64, Option<u64>)>,
    /// Keys below this can be used.
    reserved: u64,
    reserved_before: u64,
    /// Tombstones.
    pub closed: u64,
    closed_before: u64,
    /// There may be steps to delete.
    pub trimmed: usize,
    /// SHA-256s of tasks that may have lost their last episode.
    pub unused_tasks: Vec<Vec<u8>>,
}

impl Tables {
    pub fn new(open: impl Iterator<Item = (u64, u64)>, reserved: u64, closed: u64) -> Self {
        let mut tables = Self { next: open.collect(), reserved, closed, ..Self::default() };
        tables.commit();
        tables
    }

    /// The transaction is stored.
    pub fn commit(&mut self) {
        self.undo.clear();
        self.reserved_before = self.reserved;
        self.closed_before = self.closed;
    }

    /// The transaction is not stored.
    pub fn roll_back(&mut self) {
        for (key, next) in self.undo.drain(..).rev() {
            match next {
                Some(next) => self.next.insert(key, next),
                None => self.next.remove(&key),
            };
        }
        self.reserved = self.reserved_before;
        self.closed = self.closed_before;
    }

    fn set(&mut self, key: u64, next: Option<u64>) {
        let before = match next {
            Some(next) => self.next.insert(key, next),
            None => self.next.remove(&key),
        };
        self.undo.push((key, before));
    }

    fn next(&self, key: u64) -> Result<u64, Trouble> {
        let unknown = || Trouble::Refused(format!("no open episode has the key {key}"));
        self.next.get(&key).copied().ok_or_else(unknown)
    }

    /// Does what a change says, within a transaction. `now` is in milliseconds since 1970.
    pub fn apply(&mut self, connection: &Connection, change: &Change, now: u64) -> Result<Written, Trouble> {
        match change {
            Change::Step { key, index, body, end } => {
                self.step(connection, *key, *index, body)?;
                end.as_ref().map_or(Ok(()), |end| self.end(connection, *key, end))?;
            }
            Change::Created { key, tenant, id, spec, task } => {
                let task = Task::insert(connection, task)?;
                self.create(connection, (*key, tenant, id, spec), task, 0)?;
            }
            Change::Imported { key, tenant, id, spec, task, steps, end } => {
                let task = Task::insert(connection, task)?;
                self.create(connection, (*key, tenant, id, spec), task, 0)?;
                for (index, body) in (0..).zip(steps) {
                    self.step(connection, *key, index, body)?;
                }
                end.as_ref().map_or(Ok(()), |end| self.end(connection, *key, end))?;
            }
            Change::Forked { source, at, copies } => self.fork(connection, *source, *at, copies)?,
            Change::Ended { key, end } => self.end(connection, *key, end)?,
            Change::Snapshot { key, name, before } => return self.snapshot(connection, *key, name, *before),
            Change::Closed { key, tombstone } => return self.close(connection, *key, tombstone, now),
        }
        Ok(Written::default())
    }

    fn step(&mut self, connection: &Connection, key: u64, index: u64, body: &[u8]) -> Result<(), Trouble> {
        let next = self.next(key)?;
        if index != next {
            return Err(Trouble::Refused(format!(
                "step {index} of episode {key} does not follow: {next} is next"
            )));
        }
        Step::insert(connection, key, index, body)?;
        self.set(key, Some(index + 1));
        Ok(())
    }

    fn create(
        &mut self,
        connection: &Connection,
        (key, tenant, id, spec): (u64, &str, &str, &[u8]),
        task: Vec<u8>,
        first: u64,
    ) -> Result<(), Trouble> {
        if key >= self.reserved {
            self.reserved = key + KEYS;
            Meta { key: NEXT_KEY.to_owned(), value: self.reserved.to_string() }.insert(connection)?;
        }
        let (tenant, id, spec) = (tenant.to_owned(), id.to_owned(), spec.to_owned());
        Episode { key, tenant, id, task, spec, end: None }.insert(connection)?;
        Use { episode: key, line: key, first, until: None }.insert(connection)?;
        self.set(key, Some(first));
        Ok(())
    }

    fn fork(
        &mut self,
        connection: &Connection,
        source: u64,
        at: u64,
        copies: &[Fork],
    ) -> Result<(), Trouble> {
        let next = self.next(source)?;
        if at > next {
            return Err(Trouble::Refused(format!("episode {source} has {next} steps, not {at}")));
        }
        let task = read::episode(connection, source)?.task;
        let past = rows::select::<Use>(connection, "WHERE episode = ?1", [source])?;
        let snapshots = rows::select::<Snapshot>(connection, "WHERE episode = ?1", [source])?;
        for Fork { key, tenant, id, spec } in copies {
            self.create(connection, (*key, tenant, id, spec), task.clone(), at)?;
            for part in past.iter().filter(|part| part.first < at) {
                let until = part.until.map_or(at, |until| until.min(at));
                Use { episode: *key, until: Some(until), ..*part }.insert(connection)?;
            }
            for snapshot in snapshots.iter().filter(|snapshot| snapshot.before <= at) {
                let (name, before) = (snapshot.name.clone(), snapshot.before);
                Snapshot { episode: *key, name, before }.insert(connection)?;
            }
        }
        Ok(())
    }

    fn end(&self, connection: &Connection, key: u64, end: &[u8]) -> Result<(), Trouble> {
        let mut episode = read::episode(connection, key)?;
        episode.end = Some(end.to_owned());
        Ok(episode.store_end(connection)?)
    }

    fn snapshot(
        &self,
        connection: &Connection,
        key: u64,
        name: &str,
        before: u64,
    ) -> Result<Written, Trouble> {
        let next = self.next(key)?;
        if before > next {
            return Err(Trouble::Refused(format!("episode {key} has {next} steps, not {before}")));
        }
        let old = rows::select::<Snapshot>(connection, "WHERE episode = ?1", [key])?;
        Snapshot { episode: key, name: name.to_owned(), before }.insert(connection)?;
        unused(connection, old)
    }

    fn close(
        &mut self,
        connection: &Connection,
        key: u64,
        tombstone: &[u8],
        now: u64,
    ) -> Result<Written, Trouble> {
        let Episode { tenant, id, task, .. } = read::episode(connection, key)?;
        let past = rows::select::<Use>(connection, "WHERE episode = ?1", [key])?;
        let snapshot = rows::select::<Snapshot>(connection, "WHERE episode = ?1", [key])?;
        execute(connection, "DELETE FROM episodes WHERE key = ?1", [key])?;
        execute(connection, "DELETE FROM uses WHERE episode = ?1", [key])?;
        execute(connection, "DELETE FROM snapshots WHERE episode = ?1", [key])?;
        // An episode of the same name may have been closed before.
        let replaced =
            execute(connection, "DELETE FROM closed WHERE tenant = ?1 AND id = ?2", [&tenant, &id])?;
        Closed { tenant, id, at: now, body: tombstone.to_owned() }.insert(connection)?;
        self.closed = (self.closed + 1).saturating_sub(replaced as u64);
        for Use { line, first, .. } in past {
            let others = rows::select::<Use>(connection, "WHERE line = ?1", [line])?;
            // Its own episode is open: all of the line is used.
            let used = others.iter().try_fold(first, |used, other| Some(used.max(other.until?)));
            if let Some(used) = used {
                Trimmed { line, first: used }.insert(connection)?;
                self.trimmed += 1;
            }
        }
        self.unused_tasks.push(task);
        self.set(key, None);
        unused(connection, snapshot)
    }
}

/// Those of some snapshots that nobody uses now.
fn unused(connection: &Connection, snapshots: Vec<Snapshot>) -> Result<Written, Trouble> {
    let mut written = Written::default();
    for Snapshot { name, .. } in snapshots {
        let mut statement = connection.prepare_cached("SELECT 1 FROM snapshots WHERE name = ?1 LIMIT 1")?;
        if statement.query_row([&name], |_| Ok(())).optional()?.is_none() {
            written.unused_snapshots.push(name);
        }
    }
    Ok(written)
}
