//! What is open when a folder is opened. Each episode's past is checked for gaps, from the index alone.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use crate::error::ReadError;
use crate::rows::{self, Episode, Meta, Snapshot, Trimmed, Use};

/// An episode that was open when the folder was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEpisode {
    /// Its key.
    pub key: u64,
    /// Whose it is.
    pub tenant: String,
    /// Its name.
    pub id: String,
    /// What it was asked for.
    pub spec: Vec<u8>,
    /// How many steps it has: the index of the next.
    pub steps: u64,
    /// How it ended, if it did.
    pub end: Option<Vec<u8>>,
}

/// What is open.
pub(crate) struct Loaded {
    /// In the order of their keys.
    pub episodes: Vec<OpenEpisode>,
    pub snapshots: HashSet<String>,
    /// SHA-256s of tasks without an episode.
    pub unused_tasks: Vec<Vec<u8>>,
    /// Whether there are steps to delete.
    pub has_trimmed: bool,
    /// Tombstones.
    pub closed: u64,
}

/// A line's steps: `first <= index < next`.
struct Line {
    first: u64,
    next: u64,
}

/// Reads what is open.
pub(crate) fn load(connection: &Connection) -> Result<Loaded, ReadError> {
    let lines = lines(connection)?;
    let pasts = pasts(connection, &lines)?;
    let mut unused_tasks: HashSet<_> = tasks(connection)?;
    let mut used_tasks = HashSet::new();
    let mut episodes = Vec::with_capacity(pasts.len());
    rows::each::<Episode>(connection, "ORDER BY key", [], |row| {
        let Episode { key, tenant, id, task, spec, end } = row;
        let Some(&steps) = pasts.get(&key) else { return Err(damaged("uses", key)) };
        if unused_tasks.remove(&task) {
            used_tasks.insert(task);
        } else if !used_tasks.contains(&task) {
            return Err(damaged("tasks", key));
        }
        episodes.push(OpenEpisode { key, tenant, id, spec, steps, end });
        Ok(())
    })?;
    if episodes.len() != pasts.len() {
        let known: HashSet<_> = episodes.iter().map(|episode| episode.key).collect();
        let lost = pasts.keys().find(|key| !known.contains(key)).copied().unwrap_or_default();
        return Err(damaged("episodes", lost));
    }
    let mut snapshots = HashSet::new();
    rows::each::<Snapshot>(connection, "", [], |row| {
        if !pasts.contains_key(&row.episode) {
            return Err(damaged("snapshots", row.episode));
        }
        snapshots.insert(row.name);
        Ok(())
    })?;
    let count = |sql| connection.query_row(sql, [], |row| row.get::<_, u64>(0));
    Ok(Loaded {
        episodes,
        snapshots,
        unused_tasks: unused_tasks.into_iter().collect(),
        has_trimmed: count("SELECT count(*) FROM trimmed")? > 0,
        closed: count("SELECT count(*) FROM closed")?,
    })
}

/// A value of the journal itself.
pub(crate) fn meta(connection: &Connection, key: &str) -> Result<String, ReadError> {
    let rows = rows::select::<Meta>(connection, "WHERE key = ?1", [key])?;
    let lost = || ReadError::Damaged { table: "meta", key: key.to_owned() };
    rows.into_iter().next().map(|row| row.value).ok_or_else(lost)
}

fn damaged(table: &'static str, key: u64) -> ReadError {
    ReadError::Damaged { table, key: key.to_string() }
}

/// The steps of every line.
fn lines(connection: &Connection) -> Result<HashMap<u64, Line>, ReadError> {
    let mut statement = connection
        .prepare("SELECT line, min(idx), max(idx), count(*) FROM steps GROUP BY line ORDER BY line")?;
    let mut rows = statement.query([])?;
    let mut lines = HashMap::new();
    while let Some(row) = rows.next()? {
        let (line, first, last, count): (u64, u64, u64, u64) = row.try_into()?;
        if last - first + 1 != count {
            return Err(ReadError::Missing { key: line, index: first + 1 });
        }
        lines.insert(line, Line { first, next: last + 1 });
    }
    Ok(lines)
}

/// The number of steps of every episode.
fn pasts(connection: &Connection, lines: &HashMap<u64, Line>) -> Result<HashMap<u64, u64>, ReadError> {
    let mut pasts = HashMap::new();
    // What is used of each line: steps before this.
    let mut used = HashMap::new();
    let mut open: Option<(u64, u64)> = None;
    rows::each::<Use>(connection, "ORDER BY episode, first, line", [], |part| {
        let next = match open {
            Some((episode, next)) if episode == part.episode => next,
            Some((episode, _)) => return Err(damaged("uses", episode)),
            None => 0,
        };
        if part.first != next {
            return Err(ReadError::Missing { key: part.episode, index: next });
        }
        let line = lines.get(&part.line);
        if line.is_some_and(|line| line.first != part.first) {
            return Err(damaged("uses", part.line));
        }
        let stored = line.map_or(part.first, |line| line.next);
        let until = part.until.unwrap_or(stored);
        if until > stored {
            return Err(ReadError::Missing { key: part.episode, index: stored });
        }
        let end = used.entry(part.line).or_insert(0);
        *end = until.max(*end);
        open = match part.until {
            Some(until) => Some((part.episode, until)),
            None => {
                pasts.insert(part.episode, until);
                None
            }
        };
        Ok(())
    })?;
    if let Some((episode, _)) = open {
        return Err(damaged("uses", episode));
    }
    let mut trimmed = HashSet::new();
    rows::each::<Trimmed>(connection, "", [], |row| {
        trimmed.insert(row.line);
        Ok(())
    })?;
    let is_known = |(number, line): &(&u64, &Line)| {
        trimmed.contains(*number) || used.get(*number).is_some_and(|until| *until == line.next)
    };
    match lines.iter().find(|line| !is_known(line)) {
        Some((number, _)) => Err(damaged("uses", *number)),
        None => Ok(pasts),
    }
}

/// The SHA-256s of all tasks.
fn tasks(connection: &Connection) -> Result<HashSet<Vec<u8>>, ReadError> {
    let mut statement = connection.prepare("SELECT sha256 FROM tasks")?;
    let tasks = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(tasks)
}
