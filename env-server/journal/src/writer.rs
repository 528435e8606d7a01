//! The one thread that writes. It takes all changes that wait, stores them in one transaction, and then calls their
//! callbacks.

mod apply;
mod trim;
mod trouble;

pub(crate) use apply::{NEXT_KEY, Tables};

use std::cell::Cell;
use std::fs::File;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use crate::change::{Change, Written};
use crate::checkpoint::{self, Checkpointer};
use crate::database::{self, PAGE};
use crate::error::WriteError;
use crate::queue::Item;
use crate::room::is_full;
use crate::rows::execute;
use crate::shared::Shared;
use crate::tail::Tail;
use crate::writer::trouble::Trouble;

/// How often room is looked for while there is none.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(250);
/// How often room is looked for while there is some.
const MEASURE: Duration = Duration::from_millis(10);
/// How long the writer has nothing else to do before it deletes what nobody uses.
const IDLE: Duration = Duration::from_millis(500);

thread_local! {
    /// Frames of the log after this thread's newest commit.
    static FRAMES: Cell<u32> = const { Cell::new(0) };
}

/// The writer, and what it owns.
pub(crate) struct Writer {
    pub connection: Connection,
    pub shared: Arc<Shared>,
    pub tables: Tables,
    pub checkpointer: Checkpointer,
    pub log: File,
    pub tail: File,
    /// Closes that found no room. Their callbacks have been called: an episode that was closed stays so, unless the
    /// process ends before there is room.
    pub kept: Vec<Change>,
    /// Frames of the log at which it is copied into the database next.
    pub next_checkpoint: u32,
    /// Frames of the log at which it may next be written from its beginning again.
    pub next_beginning: u32,
    /// When room was last looked for.
    pub measured: Instant,
}

impl Writer {
    /// Writes until the queue is closed and empty, and says whether all is in the database then, or something failed.
    pub fn run(mut self) -> bool {
        self.connection.wal_hook(Some(|_, frames| {
            FRAMES.set(frames.unsigned_abs());
            Ok(())
        }));
        self.measure();
        loop {
            let taken = self.shared.queue.take(self.patience());
            self.round(taken.items);
            if self.shared.has_failed() {
                self.shared.queue.refuse_rest();
                return false;
            }
            if taken.is_last {
                return self.finish();
            }
            let pause = if self.shared.room.has_room() { MEASURE } else { LOOK_FOR_ROOM };
            if self.measured.elapsed() >= pause {
                self.measure();
            }
        }
    }

    /// How long to wait for changes.
    fn patience(&self) -> Option<Duration> {
        if !self.shared.room.has_room() || !self.kept.is_empty() {
            Some(LOOK_FOR_ROOM)
        } else {
            trim::is_wanted(&self.tables).then_some(IDLE)
        }
    }

    /// Stores a batch, and calls its callbacks.
    fn round(&mut self, items: Vec<Item>) {
        let is_idle = items.is_empty();
        let (mut changes, mut callbacks) = (mem::take(&mut self.kept), Vec::new());
        let kept = changes.len();
        let (mut forget, mut flushes) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Change { change, done } => {
                    changes.push(change);
                    callbacks.push(done);
                }
                Item::Forget { older_than, keep_most } => forget.push((older_than, keep_most)),
                Item::Flush(done) => flushes.push(done),
            }
        }
        let extras = Extras { trim: is_idle || trim::is_urgent(&self.tables), forget };
        let answers = if changes.is_empty() && !extras.are_wanted(&self.tables) {
            Ok(Vec::new())
        } else {
            kill_points::pass("journal.batch");
            self.store(changes, kept, &extras)
        };
        kill_points::pass("journal.before_callbacks");
        let answers = answers.unwrap_or_else(|problem| {
            // The server is told before its callers are.
            self.shared.fail(&problem);
            flushes.clear();
            vec![Err(WriteError::Stopped); callbacks.len()]
        });
        for (done, answer) in callbacks.into_iter().zip(answers) {
            done(answer);
        }
        for done in flushes {
            done(Ok(Written::default()));
        }
    }

    /// Stores changes: together, or else one by one. The first `kept` of them have no callback.
    fn store(
        &mut self,
        changes: Vec<Change>,
        kept: usize,
        extras: &Extras,
    ) -> Result<Vec<Result<Written, WriteError>>, String> {
        match self.attempt(&changes, Some(extras)) {
            Ok(written) => {
                self.after_commit()?;
                return Ok(written.into_iter().skip(kept).map(Ok).collect());
            }
            Err(Trouble::Failed(problem)) => return Err(problem),
            Err(_) => (),
        }
        // What is deleted makes room.
        match self.attempt(&[], Some(extras)) {
            Ok(_) => self.after_commit()?,
            Err(Trouble::Failed(problem)) => return Err(problem),
            Err(_) => (),
        }
        let mut answers = Vec::with_capacity(changes.len());
        for (index, change) in changes.into_iter().enumerate() {
            let answer = self.store_alone(change, index < kept)?;
            if index >= kept {
                answers.push(answer);
            }
        }
        Ok(answers)
    }

    fn store_alone(&mut self, change: Change, was_kept: bool) -> Result<Result<Written, WriteError>, String> {
        match self.attempt(std::slice::from_ref(&change), None) {
            Ok(mut written) => {
                self.after_commit()?;
                Ok(Ok(written.pop().unwrap_or_default()))
            }
            Err(Trouble::Full) => {
                self.shared.room.found_full();
                let counts = &self.shared.counts;
                counts.without_room.fetch_add(u64::from(!was_kept), Ordering::Relaxed);
                if !matches!(change, Change::Closed { .. }) {
                    return Ok(Err(WriteError::Full));
                }
                self.kept.push(change);
                counts.kept_closes.store(self.kept.len() as u64, Ordering::Relaxed);
                Ok(Ok(Written::default()))
            }
            Err(Trouble::Refused(problem)) => {
                tracing::error!(problem, "a change does not fit what is stored");
                Ok(Err(WriteError::Refused(problem)))
            }
            Err(Trouble::Write(problem) | Trouble::Failed(problem)) => Err(problem),
        }
    }

    /// Stores changes in one transaction, or none of them.
    fn attempt(&mut self, changes: &[Change], extras: Option<&Extras>) -> Result<Vec<Written>, Trouble> {
        let began = Instant::now();
        match self.transact(changes, extras) {
            Ok(written) => {
                self.tables.commit();
                self.shared.counts.closed.store(self.tables.closed, Ordering::Relaxed);
                self.shared.counts.kept_closes.store(self.kept.len() as u64, Ordering::Relaxed);
                self.shared.counts.commit(changes.len(), began.elapsed());
                Ok(written)
            }
            Err(trouble) => {
                self.tables.roll_back();
                if !self.connection.is_autocommit() {
                    execute(&self.connection, "ROLLBACK", [])?;
                }
                Err(self.explain(trouble))
            }
        }
    }

    fn transact(&mut self, changes: &[Change], extras: Option<&Extras>) -> Result<Vec<Written>, Trouble> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        execute(&self.connection, "BEGIN IMMEDIATE", [])?;
        let mut written = Vec::with_capacity(changes.len());
        for change in changes {
            written.push(self.tables.apply(&self.connection, change, now)?);
        }
        if let Some(extras) = extras {
            if extras.trim {
                trim::portion(&self.connection, &mut self.tables)?;
            }
            for &(older_than, keep_most) in &extras.forget {
                trim::tombstones(&self.connection, &mut self.tables, now, older_than, keep_most)?;
            }
        }
        kill_points::pass("journal.before_commit");
        execute(&self.connection, "COMMIT", [])?;
        kill_points::pass("journal.after_commit");
        Ok(written)
    }

    /// Tells a full disk from one that fails.
    fn explain(&self, trouble: Trouble) -> Trouble {
        match trouble {
            Trouble::Write(problem) => match self.shared.room.is_full() {
                Ok(true) => Trouble::Full,
                Ok(false) => Trouble::Failed(problem),
                Err(error) => Trouble::Failed(format!("{problem}; {error}")),
            },
            other => other,
        }
    }

    /// Notes the log's new length, and has it copied into the database if it has grown.
    fn after_commit(&mut self) -> Result<(), String> {
        let frames = FRAMES.get();
        if frames == 0 {
            // The first transactions changed nothing.
            return Ok(());
        }
        // A note that is older asks for less.
        Tail::write(&self.tail, &self.log, frames)
            .or_else(|error| if is_full(&error) { Ok(()) } else { Err(format!("TAIL: {error}")) })?;
        kill_points::pass("journal.after_tail");
        self.shared.counts.log_bytes.store(u64::from(frames) * PAGE, Ordering::Relaxed);
        // If the log is written from its beginning again, it has fewer frames than before.
        self.next_checkpoint = self.next_checkpoint.min(frames + checkpoint::FRAMES);
        self.next_beginning = self.next_beginning.min(frames + checkpoint::FRAMES);
        if frames >= self.next_checkpoint {
            self.next_checkpoint = frames + checkpoint::FRAMES;
            self.checkpointer.wake();
        }
        if frames >= self.next_beginning && self.checkpointer.should_begin_anew(frames) {
            self.next_beginning = frames + checkpoint::FRAMES;
            checkpoint::begin_anew(&self.connection).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Looks for room, and at the size of the database.
    fn measure(&mut self) {
        self.measured = Instant::now();
        self.shared.room.measure(&self.connection);
        let bytes = database::bytes(&self.connection).unwrap_or_default();
        self.shared.counts.database_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Copies the log into the database, and says whether all of it is there.
    fn finish(self) -> bool {
        let Self { checkpointer, connection, tail, .. } = self;
        checkpointer.stop();
        kill_points::pass("journal.before_truncate");
        let emptied = match Tail::clear(&tail) {
            Ok(()) => checkpoint::run(&connection, "TRUNCATE").map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        kill_points::pass("journal.after_truncate");
        match emptied {
            Ok(copied) => copied.is_all,
            Err(error) => {
                tracing::warn!(error, "the log is not copied into the database");
                false
            }
        }
    }
}

/// What a transaction does besides its changes.
struct Extras {
    trim: bool,
    /// Tombstones that are older than this, or more, are deleted.
    forget: Vec<(Duration, u64)>,
}

impl Extras {
    fn are_wanted(&self, tables: &Tables) -> bool {
        self.trim && trim::is_wanted(tables) || !self.forget.is_empty()
    }
}
