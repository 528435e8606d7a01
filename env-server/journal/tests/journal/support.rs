//! Folders, and journals in them.

use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use journal::{Change, Durability, Identity, Journal, OpenError, Opened, Options, WriteError, Written};
use tempfile::TempDir;

/// A folder for files that no test needs to survive the machine: in memory, if there is such a place.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

pub fn identity() -> Identity {
    Identity { interpreter: "ab".repeat(32) }
}

/// Options of a journal that must not fail.
pub fn options() -> Options {
    Options { reserve: 0, ..Options::new(Durability::Process, |problem| panic!("{problem}")) }
}

pub fn try_open(folder: &Path) -> Result<Opened, OpenError> {
    Journal::open(folder, &identity(), options())
}

pub fn open(folder: &Path) -> Opened {
    try_open(folder).unwrap()
}

/// Writes a change and waits until it is stored.
pub fn write(journal: &Journal, change: Change) -> Result<Written, WriteError> {
    let (done, answer) = channel();
    journal.write(change, move |stored| done.send(stored).unwrap());
    answer.recv().unwrap()
}

/// Creates an episode, and says its key.
pub fn create(journal: &Journal, id: &str) -> u64 {
    let key = journal.new_key();
    write(journal, created(key, id)).unwrap();
    key
}

pub fn created(key: u64, id: &str) -> Change {
    let (tenant, id, spec) = ("tenant".to_owned(), id.to_owned(), format!("spec of {id}").into_bytes());
    Change::Created { key, tenant, id, spec, task: b"the task".to_vec() }
}

pub fn step(key: u64, index: u64, body: &[u8]) -> Change {
    Change::Step { key, index, body: body.to_vec(), end: None }
}

pub fn close(key: u64) -> Change {
    Change::Closed { key, tombstone: format!("tombstone of {key}").into_bytes() }
}

/// Copies the files of a folder, as they are.
pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Waits for what the journal does on its own.
pub fn wait_until(is_done: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_done() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not happen");
        thread::sleep(Duration::from_millis(1));
    }
}
