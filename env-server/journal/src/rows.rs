//! The rows of the tables, each with a checksum that every read verifies.

use rusqlite::{Connection, Params, Row, params};
use sha2::{Digest as _, Sha256};

use crate::checksum::Checksum;
use crate::error::ReadError;

/// A row of a table.
pub(crate) trait Stored: Sized {
    const TABLE: &'static str;
    /// The columns that [`Stored::from_row`] reads; the checksum is the last.
    const COLUMNS: &'static str;
    /// The row, as it is stored.
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self>;
    fn checksum(&self) -> i64;
    /// The row's key, for messages.
    fn key(&self) -> String;

    /// The row, if its checksum is right.
    fn verified(row: &Row<'_>) -> Result<Self, ReadError> {
        let stored = Self::from_row(row)?;
        let checksum: i64 = row.get(row.as_ref().column_count() - 1)?;
        if stored.checksum() == checksum {
            return Ok(stored);
        }
        Err(ReadError::Damaged { table: Self::TABLE, key: stored.key() })
    }
}

/// The rows of a table that fulfil a condition.
pub(crate) fn select<T: Stored>(
    connection: &Connection,
    condition: &str,
    parameters: impl Params,
) -> Result<Vec<T>, ReadError> {
    let mut rows = Vec::new();
    each(connection, condition, parameters, |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// Calls a function with each row of a table that fulfils a condition.
pub(crate) fn each<T: Stored>(
    connection: &Connection,
    condition: &str,
    parameters: impl Params,
    mut action: impl FnMut(T) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let query = format!("SELECT {} FROM {} {condition}", T::COLUMNS, T::TABLE);
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        action(T::verified(row)?)?;
    }
    Ok(())
}

/// Runs a statement that is kept prepared, and says how many rows it changed.
pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(parameters)
}

/// A value of the journal itself.
pub(crate) struct Meta {
    pub key: String,
    pub value: String,
}

impl Meta {
    pub fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { key, value } = self;
        let sql = "INSERT OR REPLACE INTO meta (key, value, crc) VALUES (?1, ?2, ?3)";
        execute(connection, sql, params![key, value, self.checksum()]).map(drop)
    }
}

impl Stored for Meta {
    const TABLE: &'static str = "meta";
    const COLUMNS: &'static str = "key, value, crc";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { key: row.get(0)?, value: row.get(1)? })
    }

    fn checksum(&self) -> i64 {
        Checksum::of(Self::TABLE).text(&self.key).text(&self.value).finish()
    }

    fn key(&self) -> String {
        self.key.clone()
    }
}

/// An open episode.
pub(crate) struct Episode {
    pub key: u64,
    pub tenant: String,
    pub id: String,
    /// The task's SHA-256.
    pub task: Vec<u8>,
    pub spec: Vec<u8>,
    pub end: Option<Vec<u8>>,
}

impl Episode {
    pub fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { key, tenant, id, task, spec, end } = self;
        let sql = "INSERT INTO episodes (key, tenant, id, task, spec, end, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        execute(connection, sql, params![key, tenant, id, task, spec, end, self.checksum()]).map(drop)
    }

    pub fn store_end(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE episodes SET end = ?2, crc = ?3 WHERE key = ?1";
        execute(connection, sql, params![self.key, self.end, self.checksum()]).map(drop)
    }
}

impl Stored for Episode {
    const TABLE: &'static str = "episodes";
    const COLUMNS: &'static str = "key, tenant, id, task, spec, end, crc";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(0)?,
            tenant: row.get(1)?,
            id: row.get(2)?,
            task: row.get(3)?,
            spec: row.get(4)?,
            end: row.get(5)?,
        })
    }

    fn checksum(&self) -> i64 {
        Checksum::of(Self::TABLE)
            .number(self.key)
            .text(&self.tenant)
            .text(&self.id)
            .bytes(&self.task)
            .bytes(&self.spec)
            .optional(self.end.as_deref(), Checksum::bytes)
            .finish()
    }

    fn key(&self) -> String {
        self.key.to_string()
    }
}

/// A part of an episode's past: the steps `first <= index < until` of a line; without an end, its own line.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub episode: u64,
    pub line: u64,
    pub first: u64,
    pub until: Option<u64>,
}

impl Use {
    pub fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { episode, line, first, until } = self;
        let sql = "INSERT INTO uses (episode, line, first, until, crc) VALUES (?1, ?2, ?3, ?4, ?5)";
        execute(connection, sql, params![episode, line, first, until, self.checksum()]).map(drop)
    }
}

impl Stored for Use {
    const TABLE: &'static str = "uses";
    const COLUMNS: &'static str = "episode, line, first, until, crc";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { episode: row.get(0)?, line: row.get(1)?, first: row.get(2)?, until: row.get(3)? })
    }

    fn checksum(&self) -> i64 {
        Checksum::of(Self::TABLE)
            .number(self.episode)
            .number(self.line)
            .number(self.first)
            .optional(self.until, Checksum::number)
            .finish()
    }

    fn key(&self) -> String {
        format!("({}, {})", self.episode, self.line)
    }
}

/// A step of a line.
pub(crate) struct Step {
    pub line: u64,
    pub index: u64,
    pub body: Vec<u8>,
}

impl Step {
    /// Stores a step whose body stays where it is.
    pub fn insert(connection: &Connection, line: u64, index: u64, body: &[u8]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO steps (line, idx, body, crc) VALUES (?1, ?2, ?3, ?4)";
        execute(connection, sql, params![line, index, body, Self::checksum_of(line, index, body)]).map(drop)
    }

    fn checksum_of(line: u64, index: u64, body: &[u8]) -> i64 {
        Checksum::of(Self::TABLE).number(line).number(index).bytes(body).finish()
    }
}

impl Stored for Step {
    const TABLE: &'static str = "steps";
    const COLUMNS: &'static str = "line, idx, body, crc";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { line: row.get(0)?, index: row.get(1)?, body: row.get(2)? })
    }

    fn checksum(&self) -> i64 {
        Self::checksum_of(self.line, self.index, &self.body)
    }

    fn key(&self) -> String {
        format!("({}, {})", self.line, self.index)
    }
}

/// An episode's newest snapshot.
pub(crate) struct Snapshot {
    pub episode: u64,
    pub name: String,
    pub before: u64,
}

impl Snapshot {
    pub fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { episode, name, before } = self;
        let sql = "INSERT OR REPLACE INTO snapshots (episode, name, before, crc) VALUES (?1, ?2, ?3, ?4)";
        execute(connection, sql, params![episode, name, before, self.checksum()]).map(drop)
    }
}

impl Stored for Snapshot {
    const TABLE: &'static str = "snapshots";
    const COLUMNS: &'static str = "episode, name, before, crc";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { episode: row.get(0)?, name: row.get(1)?, before: row.get(2)? })
    }

    fn checksum(&self) -> i64 {
        Checksum::of(Self::TABLE).number(self.episode).text(&self.name).number(self.before).finish()
    }

    fn key(&self) -> String {
        self.episode.to_string()
    }
}

/// What is kept of a closed episode.
pub(crate) struct Closed {
    pub tenant: String,
    pub id: String,
    /// When it was closed: milliseconds since 1970.
    pub at: u64,
    pub body: Vec<u8>,
}

impl Closed {
    pub fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Self { tenant, id, at, body } = self;
        let sql = "INSERT INTO closed (tenant, id, at, body, crc) VALUES (?1, ?2, ?3, ?4, ?5)";
        execute(connection, sql, params![tenant, id, at, body, self.checksum()]).map(drop)
    }
}

impl Stored for Closed {
    const TABLE: &'static str = "closed";
    const COLUMNS: &'static str = "tenant, id, at, body, crc";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { tenant: row.get(0)?, id: row.get(1)?, at: row.get(2)?, body: row.get(3)? })
    }

    fn checksum(&self) -> i64 {
        Checksum::of(Self::TABLE).text(&self.tenant).text(&self.id).number(self.at).bytes(&self.body).finish()
    }

    fn key(&self) -> String {
        format!("({}, {})", self.tenant, self.id)
    }
}

/// A line whose steps from `first` on nobody uses.
pub(crate) struct Trimmed {
    pub line: u64,
    pub first: u64,
}

impl Trimmed {
    pub fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO trimmed (line, first, crc) VALUES (?1, ?2, ?3)";
        execute(connection, sql, params![self.line, self.first, self.checksum()]).map(drop)
    }
}

impl Stored for Trimmed {
    const TABLE: &'static str = "trimmed";
    const COLUMNS: &'static str = "line, first, crc";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { line: row.get(0)?, first: row.get(1)? })
    }

    fn checksum(&self) -> i64 {
        Checksum::of(Self::TABLE).number(self.line).number(self.first).finish()
    }

    fn key(&self) -> String {
        self.line.to_string()
    }
}

/// A task, which all its episodes share. Its SHA-256 is key and checksum.
pub(crate) struct Task {
    pub sha256: Vec<u8>,
    pub text: Vec<u8>,
}

impl Task {
    /// Stores a text unless it is there, and says its SHA-256.
    pub fn insert(connection: &Connection, text: &[u8]) -> rusqlite::Result<Vec<u8>> {
        let sha256 = Sha256::digest(text).to_vec();
        execute(
            connection,
            "INSERT OR IGNORE INTO tasks (sha256, text) VALUES (?1, ?2)",
            params![sha256, text],
        )?;
        Ok(sha256)
    }
}

impl Stored for Task {
    const TABLE: &'static str = "tasks";
    const COLUMNS: &'static str = "sha256, text, 0";

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { sha256: row.get(0)?, text: row.get(1)? })
    }

    fn checksum(&self) -> i64 {
        i64::from(self.sha256 != Sha256::digest(&self.text).as_slice())
    }

    fn key(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
