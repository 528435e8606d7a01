//! Opening, and the methods of an open journal.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};

use crate::change::{Change, Written};
use crate::checkpoint::{self, Checkpointer};
use crate::database::{self, PAGE};
use crate::error::{OpenError, ReadError, WriteError};
use crate::folder::{self, Folder, Run};
use crate::load::{self, Loaded, OpenEpisode};
use crate::options::{Durability, Identity, Options};
use crate::queue::Item;
use crate::read::Reader;
use crate::room::Room;
use crate::rows::Meta;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::tail::Tail;
use crate::verify::{self, Ended};
use crate::writer::{NEXT_KEY, Tables, Writer};

/// The row of `meta` that names the state.
const STATE_ID: &str = "state_id";

/// A folder that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: Journal,
    /// What is open, in the order in which it was created.
    pub episodes: Vec<OpenEpisode>,
    /// Names of the snapshots that open episodes use. Other files of snapshots can be deleted.
    pub live_snapshots: HashSet<String>,
}

/// A state folder that is open. Dropping it stores what waits.
pub struct Journal {
    shared: Arc<Shared>,
    reader: Reader,
    state_id: String,
    next_key: AtomicU64,
    writer: Option<JoinHandle<bool>>,
    verifier: Option<(InterruptHandle, JoinHandle<()>)>,
    run: Run,
    folder: Folder,
}

impl Journal {
    /// Opens a state folder, and makes it if it is not there or empty. No one else may have it open.
    ///
    /// # Errors
    /// See [`OpenError`]. A folder that is refused is left as it was.
    pub fn open(path: &Path, identity: &Identity, options: Options) -> Result<Opened, OpenError> {
        let folder = Folder::open(path, identity, fill)?;
        let database = folder.database();
        let sqlite = |error: rusqlite::Error| OpenError::reading(&database)(error.into());
        let last = folder.last_run()?;
        verify_log(&folder, &last)?;
        let connection = database::writer(&database).map_err(sqlite)?;
        if let Some(problem) = database::other_schema(&connection).map_err(sqlite)? {
            return Err(OpenError::Damaged { path: database, problem });
        }
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        let is_small = size(&database) + size(&database::log_of(&database)) <= verify::AT_ONCE;
        if is_small {
            verify::verify_database(&connection).map_err(OpenError::reading(&database))?;
        }
        let loaded = load::load(&connection).map_err(OpenError::reading(&database))?;
        let reserved = load::meta(&connection, NEXT_KEY).map_err(OpenError::reading(&database))?;
        let reserved: u64 = reserved.parse().map_err(|_| OpenError::Damaged {
            path: database.clone(),
            problem: format!("{NEXT_KEY} is {reserved:?}"),
        })?;
        let state_id = load::meta(&connection, STATE_ID).map_err(OpenError::reading(&database))?;

        // Nothing was written so far.
        let file = |name: &str| {
            let path = path.join(name);
            folder::create(&path).map_err(OpenError::file(&path))
        };
        let tail = file("TAIL")?;
        Tail::clear(&tail).map_err(OpenError::file(&path.join("TAIL")))?;
        kill_points::pass("open.tail_cleared");
        if !checkpoint::run(&connection, "TRUNCATE").map_err(sqlite)?.is_all {
            let problem = "the log cannot be copied into it: another program reads it, or the disk is full";
            return Err(OpenError::Database { path: database, problem: problem.to_owned() });
        }
        kill_points::pass("open.log_emptied");
        let may_have_lost = !last.sync && !last.closed && !last.is_of_this_boot();
        let state_id = if may_have_lost { new_state_id(&connection).map_err(sqlite)? } else { state_id };
        let run = Run::begin(options.durability);
        folder.store_run(&run).map_err(OpenError::file(path))?;
        database::set_durability(&connection, options.durability).map_err(sqlite)?;
        if let Some(bytes) = options.max_bytes {
            connection
                .pragma_update_and_check(None, "max_page_count", bytes / PAGE, |_| Ok(()))
                .map_err(sqlite)?;
        }

        let Loaded { episodes, snapshots, unused_tasks, has_trimmed, closed } = loaded;
        let mut tables =
            Tables::new(episodes.iter().map(|episode| (episode.key, episode.steps)), reserved, closed);
        tables.unused_tasks = unused_tasks;
        tables.trimmed = usize::from(has_trimmed);
        let room = Room::new(path, options.reserve, options.max_bytes);
        let shared = Arc::new(Shared::new(room, options.on_failure));
        shared.counts.closed.store(closed, Ordering::Relaxed);
        let start = OpenError::file(path);
        let checkpointer = database::checkpointer(&database).map_err(sqlite)?;
        let writer = Writer {
            connection,
            shared: shared.clone(),
            tables,
            checkpointer: Checkpointer::start(checkpointer, shared.clone()).map_err(&start)?,
            log: file(&format!("{}-wal", database::FILE))?,
            tail,
            kept: Vec::new(),
            next_checkpoint: checkpoint::FRAMES,
            next_beginning: 0,
            measured: Instant::now(),
        };
        let verifier = if is_small { None } else { Some(verify_beside(&database, shared.clone())?) };
        let writer = start_writer(writer, shared.clone()).map_err(&start)?;
        let journal = Self {
            shared,
            reader: Reader::new(database.clone()),
            state_id,
            next_key: AtomicU64::new(reserved),
            writer: Some(writer),
            verifier,
            run,
            folder,
        };
        Ok(Opened { journal, episodes, live_snapshots: snapshots })
    }

    /// Names this state: the same after a restart, and another one if changes that were answered may have been lost.
    pub fn state_id(&self) -> &str {
        &self.state_id
    }

    /// A key for a new episode, larger than those before, also those of earlier runs.
    pub fn new_key(&self) -> u64 {
        self.next_key.fetch_add(1, Ordering::Relaxed)
    }

    /// Stores a change after those before, and then calls `done`, once, on a thread that must not wait. It returns at
    /// once: changes wait in memory.
    pub fn write(&self, change: Change, done: impl FnOnce(Result<Written, WriteError>) + Send + 'static) {
        self.shared.queue.push(Item::Change { change, done: Box::new(done) });
    }

    /// What a stored change survives.
    pub fn durability(&self) -> Durability {
        self.run.durability()
    }

    /// The folder for the snapshots that [`Change::Snapshot`] names.
    pub fn snapshots(&self) -> PathBuf {
        self.folder.snapshots()
    }

    /// Whether new episodes and steps should be taken: the disk has more than its reserve free.
    pub fn has_room(&self) -> bool {
        self.shared.room.has_room()
    }

    /// Deletes some of the tombstones that are older than this, and of those that are more than this: a thousand at
    /// most in one call.
    pub fn forget_closed(&self, older_than: Duration, keep_most: u64) {
        self.shared.queue.push(Item::Forget { older_than, keep_most });
    }

    /// How many tombstones there are.
    pub fn closed_count(&self) -> u64 {
        self.shared.counts.closed.load(Ordering::Relaxed)
    }

    /// Waits until everything is stored that was written so far.
    ///
    /// # Errors
    /// [`WriteError::Stopped`] if the journal has failed.
    pub fn flush(&self) -> Result<(), WriteError> {
        let (told, stored) = sync_channel(1);
        // It is waited for.
        self.after(move |result| drop(told.send(result)));
        stored.recv().unwrap_or(Err(WriteError::Stopped))
    }

    /// Calls `done` once everything is stored that was written so far.
    pub fn after(&self, done: impl FnOnce(Result<(), WriteError>) + Send + 'static) {
        self.shared.queue.push(Item::Flush(Box::new(|result| done(result.map(drop)))));
    }

    /// The task of an open episode.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn task(&self, key: u64) -> Result<Vec<u8>, ReadError> {
        self.reader.task(key)
    }

    /// Steps of an open episode, those before a fork included.
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Missing`] if it has fewer steps.
    pub fn steps(&self, key: u64, indexes: Range<u64>) -> Result<Vec<Vec<u8>>, ReadError> {
        self.reader.steps(key, indexes)
    }

    /// The newest snapshot of an open episode: its name, and the index of the step before which it was taken.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn snapshot(&self, key: u64) -> Result<Option<(String, u64)>, ReadError> {
        self.reader.snapshot(key)
    }

    /// The tombstone of a closed episode, unless it is forgotten.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn closed(&self, tenant: &str, id: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.reader.closed(tenant, id)
    }

    /// What is counted.
    pub fn stats(&self) -> Stats {
        self.shared.counts.stats(self.shared.queue.size())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Some((interrupt, thread)) = self.verifier.take() {
            interrupt.interrupt();
            // A panic there has been told.
            let _ = thread.join();
        }
        self.shared.queue.close();
        let is_stored = self.writer.take().is_some_and(|thread| thread.join().unwrap_or(false));
        if is_stored {
            self.run.closed = true;
            if let Err(error) = self.folder.store_run(&self.run) {
                tracing::warn!(%error, "that the run ended well is not stored");
            }
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Journal").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Makes the database of a new folder.
fn fill(folder: &Folder) -> Result<(), OpenError> {
    let database = folder.database();
    let sqlite = |error: rusqlite::Error| OpenError::reading(&database)(error.into());
    database::create(&database).map_err(sqlite)?;
    let connection = database::writer(&database).map_err(sqlite)?;
    new_state_id(&connection).map_err(sqlite)?;
    Meta { key: NEXT_KEY.to_owned(), value: "1".to_owned() }.insert(&connection).map_err(sqlite)?;
    checkpoint::run(&connection, "TRUNCATE").map_err(sqlite)?;
    let run = Run { boot: None, sync: true, closed: true };
    folder.store_run(&run).map_err(OpenError::file(&database))
}

fn new_state_id(connection: &Connection) -> rusqlite::Result<String> {
    let id = uuid::Uuid::new_v4().to_string();
    Meta { key: STATE_ID.to_owned(), value: id.clone() }.insert(connection)?;
    Ok(id)
}

/// Refuses a log that has lost commits.
fn verify_log(folder: &Folder, last: &Run) -> Result<(), OpenError> {
    let database = folder.database();
    let ended = if last.is_of_this_boot() {
        Ended::Process(Tail::read(&database.with_file_name("TAIL"))?)
    } else if last.sync || last.closed {
        Ended::SyncedKernel
    } else {
        Ended::Kernel
    };
    let path = database::log_of(&database);
    match verify::verify_log(&path, ended).map_err(OpenError::file(&path))? {
        Some(problem) => Err(OpenError::Damaged { path, problem }),
        None => Ok(()),
    }
}

/// Verifies a large database while it is used.
fn verify_beside(
    database: &Path,
    shared: Arc<Shared>,
) -> Result<(InterruptHandle, JoinHandle<()>), OpenError> {
    let connection =
        database::reader(database).map_err(|error| OpenError::reading(database)(error.into()))?;
    let interrupt = connection.get_interrupt_handle();
    let path = database.to_owned();
    let verify = move || {
        let transaction = connection.unchecked_transaction().map_err(ReadError::from);
        match transaction.and_then(|transaction| verify::verify_database(&transaction)) {
            Ok(()) => (),
            Err(ReadError::Failed(problem)) => tracing::warn!(problem, "the database is not verified"),
            Err(damage) => shared.fail(&OpenError::reading(&path)(damage).to_string()),
        }
    };
    let thread = thread::Builder::new().name("journal-verify".to_owned()).spawn(verify);
    Ok((interrupt, thread.map_err(OpenError::file(database))?))
}

fn start_writer(writer: Writer, shared: Arc<Shared>) -> std::io::Result<JoinHandle<bool>> {
    thread::Builder::new().name("journal".to_owned()).spawn(move || {
        catch_unwind(AssertUnwindSafe(|| writer.run())).unwrap_or_else(|_| {
            shared.fail("the thread that writes has panicked");
            shared.queue.refuse_rest();
            false
        })
    })
}
