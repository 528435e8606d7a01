//! The SQLite database: its schema, and connections to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::options::Durability;

/// The database's file in the folder. Its log is beside it.
pub(crate) const FILE: &str = "episodes.db";
/// Bytes of a page of the database.
pub(crate) const PAGE: u64 = 4096;
// Before SQLite 3.51.3, a checkpoint and a write that meet can damage the database.
const _: () = assert!(rusqlite::ffi::SQLITE_VERSION_NUMBER >= 3_051_003);

/// How long a connection waits for a lock that another one holds for a moment.
pub(crate) const BUSY: Duration = Duration::from_secs(10);
/// Bytes of pages that the writer keeps in memory.
const WRITER_CACHE: u64 = 64 << 20;
/// Bytes of pages that each reader keeps in memory.
const READER_CACHE: u64 = 4 << 20;
/// Statements that each connection keeps prepared.
const STATEMENTS: usize = 64;

/// Every table and index, by name, as SQLite keeps their definitions.
///
/// Steps are appended (`seq` rises): rows in the order of `(line, idx)` would touch a page each. `uses` says which
/// steps of which lines are an episode's past: `first <= idx < until`, and no end for its own line. `trimmed` holds
/// the lines whose steps from `first` on nobody uses; they are deleted in portions.
const SCHEMA: [(&str, &str); 16] = [
    (
        "closed",
        "CREATE TABLE closed (seq INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, \
         body BLOB NOT NULL, crc INTEGER NOT NULL) STRICT",
    ),
    ("closed_name", "CREATE UNIQUE INDEX closed_name ON closed (tenant, id)"),
    (
        "episodes",
        "CREATE TABLE episodes (key INTEGER PRIMARY KEY, tenant TEXT NOT NULL, id TEXT NOT NULL, task BLOB NOT NULL, \
         spec BLOB NOT NULL, end BLOB, crc INTEGER NOT NULL) STRICT",
    ),
    ("episodes_name", "CREATE UNIQUE INDEX episodes_name ON episodes (tenant, id)"),
    ("episodes_task", "CREATE INDEX episodes_task ON episodes (task)"),
    (
        "meta",
        "CREATE TABLE meta (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT",
    ),
    ("meta_key", "CREATE UNIQUE INDEX meta_key ON meta (key)"),
    (
        "snapshots",
        "CREATE TABLE snapshots (episode INTEGER PRIMARY KEY, name TEXT NOT NULL, before INTEGER NOT NULL, \
         crc INTEGER NOT NULL) STRICT",
    ),
    ("snapshots_name", "CREATE INDEX snapshots_name ON snapshots (name)"),
    (
        "steps",
        "CREATE TABLE steps (seq INTEGER PRIMARY KEY, line INTEGER NOT NULL, idx INTEGER NOT NULL, \
         body BLOB NOT NULL, crc INTEGER NOT NULL) STRICT",
    ),
    ("steps_line", "CREATE UNIQUE INDEX steps_line ON steps (line, idx)"),
    (
        "tasks",
        "CREATE TABLE tasks (seq INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, text BLOB NOT NULL) STRICT",
    ),
    ("tasks_sha256", "CREATE UNIQUE INDEX tasks_sha256 ON tasks (sha256)"),
    (
        "trimmed",
        "CREATE TABLE trimmed (line INTEGER PRIMARY KEY, first INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT",
    ),
    (
        "uses",
        "CREATE TABLE uses (episode INTEGER NOT NULL, line INTEGER NOT NULL, first INTEGER NOT NULL, until INTEGER, \
         crc INTEGER NOT NULL, PRIMARY KEY (episode, line)) STRICT, WITHOUT ROWID",
    ),
    ("uses_line", "CREATE INDEX uses_line ON uses (line)"),
];

/// Makes an empty database with every table, and closes it.
pub(crate) fn create(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A table comes before its indexes, since its name is shorter.
    let statements: Vec<_> = SCHEMA.iter().map(|(_, definition)| *definition).collect();
    connection.execute_batch(&format!("BEGIN; {}; COMMIT", statements.join("; ")))
}

/// The connection that writes.
pub(crate) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // A transaction that is rolled back then leaves no frames in the log.
    connection.pragma_update(None, "cache_spill", false)?;
    Ok(connection)
}

/// Sets what a commit of the writer survives.
pub(crate) fn set_durability(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Sync => "FULL",
    };
    // Only macOS knows the difference: there, a disk may otherwise keep in its cache what it says it has written.
    connection.pragma_update(None, "fullfsync", durability == Durability::Sync)?;
    connection.pragma_update(None, "synchronous", synchronous)
}

/// A connection that copies the log into the database.
pub(crate) fn checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, READER_CACHE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE)
}

fn open(path: &Path, access: OpenFlags, cache: u64) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // A folder that is refused is left as it was found.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cache_size", -i64::try_from(cache >> 10).unwrap_or(i64::MAX))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// What of the schema is not as it must be, if anything.
pub(crate) fn other_schema(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        return Ok(Some(format!("its journal mode is {mode}, not wal")));
    }
    let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    let found = statement
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?)))?
        .filter(|row| !matches!(row, Ok((_, None))))
        .collect::<rusqlite::Result<Vec<(String, Option<String>)>>>()?;
    let expected = SCHEMA.map(|(name, definition)| (name.to_owned(), Some(definition.to_owned())));
    let other = expected.iter().find(|table| !found.contains(table)).map(|(name, _)| name);
    Ok(match other {
        Some(name) => Some(format!("the definition of {name} is not ours")),
        None if found.len() != expected.len() => Some("it has tables that are not ours".to_owned()),
        None => None,
    })
}

/// Bytes of the database, with pages that are free, and without the log.
pub(crate) fn bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    Ok(pages * PAGE)
}

/// The log of a database.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
