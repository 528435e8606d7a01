//! The factory of interpreters.

use std::sync::Arc;
use std::time::Duration;

use crate::budget::Budget;
use crate::config::Config;
use crate::error::Error;
use crate::guest;
use crate::host::Host;
use crate::interpreter::Interpreter;
use crate::options::Options;
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

    /// The bytes on disk that hibernated interpreters take, and the most that they may
    /// ([`crate::Options::hibernation_bytes`]).
    pub fn hibernation_bytes(&self) -> (u64, u64) {
        self.host.spill.usage()
    }

    /// The SHA-256, in hexadecimal, of the guest: Python and our own code in it. The same guest gives the
    /// same outcomes everywhere.
    pub fn guest_sha256(&self) -> &'static str {
        guest::MODULE_SHA256
    }
}
