//! The engine and the compiled module that all interpreters share.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use wasmtime::{Engine, InstancePre, PoolConcurrencyLimitError, Store};

use crate::error::Error;
use crate::guest::{self, Exports, Python};
use crate::instance::Instance;
use crate::interpreter::{Config, Interpreter};
use crate::limits::Limits;
use crate::spill::Spill;
use crate::state::State;
use crate::tool::SharedTools;
use crate::world::World;
use crate::{cache, engine, linker};

/// How the sandbox is set up. `Options::default()` suits most uses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where compiled code is kept. `None` is `$RUNTIME_GYM_CACHE`, else `$XDG_CACHE_HOME/runtime-gym`, else
    /// `~/.cache/runtime-gym`. It must be a directory that nobody else may write to.
    pub cache_dir: Option<PathBuf>,
    /// How many interpreters can live at a time. A place costs no memory, but about 4 GiB of address space, of which
    /// a process has enough for some 20,000, and two of the memory maps that Linux gives a process
    /// (`vm.max_map_count`, usually 65,530); a live interpreter takes two more.
    pub max_interpreters: u32,
    /// The most memory that any interpreter may be allowed, in bytes: [`Limits::memory_bytes`] above this are
    /// cut to it.
    pub max_memory_bytes: usize,
    /// Memory in bytes that a free place may keep to start its next interpreter faster.
    pub keep_resident_bytes: usize,
    /// The folder of the file in which interpreters that hibernate are kept; `None` keeps them in memory, packed.
    pub hibernation_dir: Option<PathBuf>,
    /// The most bytes that they may take there. What there is no room for stays in memory.
    pub hibernation_bytes: u64,
}

impl Default for Options {
    /// 1,024 interpreters of up to 1 GiB; 4 MiB kept per free place; up to 16 GiB on disk, if anywhere.
    fn default() -> Self {
        Options {
            cache_dir: None,
            max_interpreters: 1024,
            max_memory_bytes: 1 << 30,
            keep_resident_bytes: 4 << 20,
            hibernation_dir: None,
            hibernation_bytes: 16 << 30,
        }
    }
}

/// Where interpreters come from. Clones are cheap and share everything.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    python: InstancePre<State>,
    exports: Exports,
    /// One that has run nothing: what every interpreter's memory starts as.
    pristine: OnceLock<Instance>,
    python_version: OnceLock<String>,
    max_interpreters: u32,
    spill: Spill,
}

impl Sandbox {
    /// Sets up the engine. The first time on a machine this compiles Python, which takes some ten seconds;
    /// later it takes some ten milliseconds.
    ///
    /// # Errors
    /// [`Error::Setup`] or [`Error::Start`]: Python does not run here.
    pub fn new(options: &Options) -> Result<Sandbox, Error> {
        let setup = |error: wasmtime::Error| Error::Setup(kernel_limit(error).into());
        let engine = engine::new(options).map_err(setup)?;
        let source = cache::Source { bytes: guest::MODULE, sha256: guest::MODULE_SHA256 };
        let module = cache::module(&engine, source, options.cache_dir.as_deref()).map_err(setup)?;
        let exports = Exports::of(&module).map_err(setup)?;
        let linker = linker::new(&engine, &module).map_err(setup)?;
        let python = linker.instantiate_pre(&module).map_err(setup)?;
        let spill = Spill::new(options.hibernation_dir.as_deref(), options.hibernation_bytes)
            .map_err(|error| Error::Setup(error.into()))?;
        let shared = Shared {
            engine,
            python,
            exports,
            pristine: OnceLock::new(),
            python_version: OnceLock::new(),
            max_interpreters: options.max_interpreters,
            spill,
        };
        let sandbox = Sandbox { shared: Arc::new(shared) };
        // Also shows, before anything depends on it, that an interpreter starts here.
        let limits = Limits { memory_bytes: options.max_memory_bytes, ..Limits::default() };
        let new = || Instance::instantiate(&sandbox, World::new(0, 0), &limits);
        let _ = sandbox.shared.python_version.set(new()?.version()?);
        let _ = sandbox.shared.pristine.set(new()?);
        Ok(sandbox)
    }

    /// A new interpreter, whose code may call `tools`. See [`Interpreter`] for the place it takes.
    ///
    /// # Errors
    /// [`Error::AtCapacity`] where a persistent one finds no place; [`Error::Start`] where it does not start.
    pub fn interpreter(&self, config: Config, tools: SharedTools) -> Result<Interpreter, Error> {
        Interpreter::new(self.clone(), config, tools)
    }

    /// Which Python this is, such as `3.14.0`.
    pub fn python_version(&self) -> &str {
        self.shared.python_version.get().map_or("", String::as_str)
    }

    /// The memory in bytes that an interpreter starts with; [`Limits::memory_bytes`] below it let none start.
    pub fn least_memory_bytes(&self) -> usize {
        self.pristine().len()
    }

    /// The SHA-256, in hexadecimal, of the guest: Python and our own code in it. The same guest gives the same
    /// outcomes everywhere.
    pub fn guest_sha256(&self) -> &'static str {
        guest::MODULE_SHA256
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Python> {
        let instance = self.shared.python.instantiate_async(&mut *store).await?;
        Python::new(&self.shared.exports, instance, store)
    }

    /// The memory of an interpreter that has run nothing.
    pub(crate) fn pristine(&self) -> &[u8] {
        self.shared.pristine.get().map_or(&[], Instance::memory)
    }

    /// Where sleeping interpreters lie.
    pub(crate) fn spill(&self) -> &Spill {
        &self.shared.spill
    }

    /// Why an interpreter did not start.
    pub(crate) fn start_error(&self, error: wasmtime::Error) -> Error {
        if error.is::<PoolConcurrencyLimitError>() {
            Error::AtCapacity { max: self.shared.max_interpreters }
        } else {
            Error::Start(kernel_limit(error).into())
        }
    }
}

/// Says more of an error that the kernel leaves at "Cannot allocate memory".
fn kernel_limit(error: wasmtime::Error) -> wasmtime::Error {
    match error.downcast_ref::<io::Error>() {
        Some(refused) if refused.kind() == io::ErrorKind::OutOfMemory => error.context(
            "the kernel gives this process no more memory, or no more memory maps: an interpreter takes two for \
             its place and two while it lives, of vm.max_map_count (raise it with sysctl), and 4 GiB of addresses",
        ),
        _ => error,
    }
}
