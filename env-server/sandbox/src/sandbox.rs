//! The factory of interpreters.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::budget::Budget;
use crate::config::Config;
use crate::error::Error;
use crate::guest;
use crate::host::Host;
use crate::interpreter::Interpreter;
use crate::options::Options;
use crate::past::Past;
use crate::storage::Storage;
use crate::tool::SharedTools;

/// Creates interpreters. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Sandbox {
    host: Arc<Host>,
}

impl Sandbox {
    /// Sets up the engine. The first time on a machine this compiles Python, which takes some ten seconds;
    /// later it takes some ten milliseconds.
    ///
    /// # Errors
    /// [`Error::Setup`] or [`Error::Start`]: Python does not run here.
    pub fn new(options: &Options) -> Result<Sandbox, Error> {
        Ok(Sandbox { host: Arc::new(Host::new(options)?) })
    }

    /// Creates an interpreter whose code may call `tools`. [`Interpreter`] says when it takes a place.
    ///
    /// # Errors
    /// [`Error::AtCapacity`] if a persistent interpreter finds no free place; [`Error::Start`] if it does not
    /// start.
    pub fn interpreter(&self, config: Config, tools: SharedTools) -> Result<Interpreter, Error> {
        Interpreter::new(self.host.clone(), config, tools)
    }

    /// Makes an interpreter again that was in another process, from what it has done. Its next step goes on where it was.
    /// It hibernates: it takes no place, and its next step first restores the snapshot and runs the steps since, with the
    /// recorded answers of the tools. `config` is the one that it was made with. A resetting interpreter takes only
    /// [`Past::next_step`] from its past.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the snapshot is not in [`crate::Options::snapshots`], is damaged, or was taken by a program
    /// with another guest ([`Sandbox::guest_sha256`]).
    pub fn revive(&self, config: Config, tools: SharedTools, past: Past) -> Result<Interpreter, Error> {
        Interpreter::revive(self.host.clone(), config, tools, past)
    }

    /// Deletes the file of a snapshot ([`Interpreter::stored_snapshot`]), if it is there. No interpreter may need it. A
    /// failure is logged: [`Sandbox::keep_snapshots`] can try again.
    pub fn remove_snapshot(&self, name: &str) {
        if let Storage::Folder(folder) = &self.host.storage {
            folder.remove(name);
        }
    }

    /// Deletes the files of all snapshots but those that are live, and what a process that was ended has left half-written.
    /// Returns how many snapshots it deleted. For a start, before any interpreter is made.
    ///
    /// # Errors
    /// The folder cannot be read, or a file not deleted.
    pub fn keep_snapshots(&self, is_live: impl Fn(&str) -> bool) -> io::Result<usize> {
        match &self.host.storage {
            Storage::Folder(folder) => folder.keep(is_live),
            Storage::Spill(_) => Ok(0),
        }
    }

    /// The file of a stored snapshot, for [`Sandbox::add_snapshot`] in another process.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if it cannot be read.
    pub fn read_snapshot(&self, name: &str) -> Result<Vec<u8>, Error> {
        match &self.host.storage {
            Storage::Folder(folder) => folder.read(name),
            Storage::Spill(_) => Err(Error::Snapshot("this process stores no snapshots".into())),
        }
    }

    /// Stores the file of a snapshot that another process has read; its name, or `None` if snapshots are not stored, or there is no
    /// room.
    ///
    /// # Errors
    /// [`Error::Snapshot`] if the file is damaged.
    pub fn add_snapshot(&self, file: &[u8]) -> Result<Option<Arc<str>>, Error> {
        match &self.host.storage {
            Storage::Folder(folder) => folder.add(file),
            Storage::Spill(_) => Ok(None),
        }
    }

    /// The version of Python, such as `3.14.0`.
    pub fn python_version(&self) -> &str {
        self.host.python_version()
    }

    /// The memory in bytes that an interpreter starts with. With a smaller [`crate::Limits::memory_bytes`] no
    /// interpreter starts.
    pub fn least_memory_bytes(&self) -> usize {
        self.host.pristine().len()
    }

    /// The memory of everything together ([`crate::Options::budget`]).
    pub fn budget(&self) -> &Budget {
        self.host.budget()
    }

    /// Gives back to the system what is kept in places that have been free for this long
    /// ([`crate::Options::keep_resident_bytes`]). Returns how many those were. Meanwhile no interpreter is made; it takes some
    /// microseconds for each place.
    pub fn trim(&self, free_for: Duration) -> usize {
        self.host.pool.places().trim(free_for)
    }

    /// The bytes on disk that snapshots take, and the most that they may
    /// ([`crate::Options::hibernation_bytes`]).
    pub fn hibernation_bytes(&self) -> (u64, u64) {
        self.host.storage.usage()
    }

    /// The SHA-256, in hexadecimal, of the guest: Python and our own code in it. The same guest gives the
    /// same outcomes everywhere.
    pub fn guest_sha256(&self) -> &'static str {
        guest::MODULE_SHA256
    }
}
