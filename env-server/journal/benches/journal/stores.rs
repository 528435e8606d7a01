//! The stores that are compared. Each has one thread that takes all records which wait, stores them, and answers.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use journal::{Change, Durability, Identity, Journal, Options};

/// Where records are stored.
pub trait Store: Send + Sync {
    /// Stores a writer's record, and returns once it is stored.
    fn write(&self, writer: u64, index: u64, body: &[u8]);
}

/// Which store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Journal,
    Plain,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Journal, Self::Plain];

    pub fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
            Self::Plain => "plain log",
        }
    }

    pub fn open(self, folder: &Path, sync: bool) -> Box<dyn Store> {
        match self {
            Self::Journal => Box::new(JournalStore::open(folder, sync)),
            Self::Plain => Box::new(Group::start(plain_log(folder, sync))),
        }
    }
}

/// The journal: a writer is an episode, and its records are steps.
struct JournalStore(Journal);

impl JournalStore {
    fn open(folder: &Path, sync: bool) -> Self {
        let durability = if sync { Durability::Sync } else { Durability::Process };
        let options = Options::new(durability, |problem| panic!("{problem}"));
        let identity = Identity { interpreter: "bench".to_owned() };
        Self(Journal::open(folder, &identity, options).expect("the journal opens").journal)
    }

    fn wait_for(&self, change: Change) {
        let (done, stored) = channel();
        self.0.write(change, move |answer| done.send(answer).expect("the writer waits"));
        stored.recv().expect("an answer").expect("it is stored");
    }
}

impl Store for JournalStore {
    fn write(&self, writer: u64, index: u64, body: &[u8]) {
        // The keys of a new journal are 1, 2 and so on: a writer's follows from its number.
        let key = writer + 1;
        if index == 0 {
            let (tenant, id) = ("bench".to_owned(), writer.to_string());
            self.wait_for(Change::Created { key, tenant, id, spec: vec![0; 300], task: vec![0; 2000] });
        }
        self.wait_for(Change::Step { key, index, body: body.to_vec(), end: None });
    }
}

struct Record {
    writer: u64,
    index: u64,
    body: Vec<u8>,
    stored: Sender<()>,
}

/// Records that are stored together by a function.
struct Group {
    records: Option<Sender<Record>>,
    thread: Option<JoinHandle<()>>,
}

impl Group {
    fn start(store: impl FnMut(&[Record]) + Send + 'static) -> Self {
        let (records, waiting) = channel();
        Self { records: Some(records), thread: Some(thread::spawn(move || store_all(&waiting, store))) }
    }
}

fn store_all(waiting: &Receiver<Record>, mut store: impl FnMut(&[Record])) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter());
        store(&batch);
        for record in batch {
            record.stored.send(()).expect("the writer waits");
        }
    }
}

impl Store for Group {
    fn write(&self, writer: u64, index: u64, body: &[u8]) {
        let (stored, answer) = channel();
        let records = self.records.as_ref().expect("it is open");
        records.send(Record { writer, index, body: body.to_vec(), stored }).expect("it is open");
        answer.recv().expect("it is stored");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.records = None;
        self.thread.take().map(JoinHandle::join);
    }
}

/// A file to which a batch is appended by one write: lengths, keys, checksums and bodies.
fn plain_log(folder: &Path, sync: bool) -> impl FnMut(&[Record]) + Send + 'static {
    let mut file = File::create(folder.join("log")).expect("a file");
    let mut bytes = Vec::new();
    move |batch| {
        bytes.clear();
        for Record { writer, index, body, .. } in batch {
            bytes.extend((body.len() as u64).to_le_bytes());
            bytes.extend(writer.to_le_bytes());
            bytes.extend(index.to_le_bytes());
            bytes.extend(crc32c::crc32c(body).to_le_bytes());
            bytes.extend(body);
        }
        file.write_all(&bytes).expect("it is written");
        if sync {
            file.sync_data().expect("it is on the disk");
        }
    }
}
