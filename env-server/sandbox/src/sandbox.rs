//! The engine and the compiled component that all interpreters share.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use wasmtime::{Engine, PoolConcurrencyLimitError};

use crate::engine::{self, Heart};
use crate::error::Error;
use crate::guest::PythonPre;
use crate::interpreter::{Config, Interpreter};
use crate::limits::Limits;
use crate::live::Live;
use crate::state::State;
use crate::tool::SharedTools;
use crate::{cache, guest, linker};

/// How the sandbox is set up. `Options::default()` suits most uses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where compiled code is kept. `None` is `$RUNTIME_GYM_CACHE`, else `$XDG_CACHE_HOME/runtime-gym`, else
    /// `~/.cache/runtime-gym`. It must be a directory that nobody else may write to.
    pub cache_dir: Option<PathBuf>,
    /// How many interpreters can live at a time. A place costs address space (about 4 GiB), not memory.
    pub max_interpreters: u32,
    /// The most memory that any interpreter may be allowed, in bytes: [`Limits::memory_bytes`] above this are
    /// cut to it.
    pub max_memory_bytes: usize,
    /// Memory in bytes that a free place may keep to start its next interpreter faster.
    pub keep_resident_bytes: usize,
}

impl Default for Options {
    /// 1,024 interpreters of up to 1 GiB; 4 MiB kept per free place.
    fn default() -> Self {
        Options {
            cache_dir: None,
            max_interpreters: 1024,
            max_memory_bytes: 1 << 30,
            keep_resident_bytes: 4 << 20,
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
    python: PythonPre<State>,
    python_version: OnceLock<String>,
    least_memory_bytes: OnceLock<usize>,
    max_interpreters: u32,
    _heart: Heart,
}

impl Sandbox {
    /// Sets up the engine. The first time on a machine this compiles Python, which takes some ten seconds;
    /// later it takes some ten milliseconds.
    ///
    /// # Errors
    /// [`Error::Setup`] or [`Error::Start`]: Python does not run here.
    pub fn new(options: &Options) -> Result<Sandbox, Error> {
        let setup = |error: wasmtime::Error| Error::Setup(error.into());
        let engine = engine::new(options).map_err(setup)?;
        let source = cache::Source { bytes: guest::COMPONENT, sha256: guest::COMPONENT_SHA256 };
        let component = cache::component(&engine, source, options.cache_dir.as_deref()).map_err(setup)?;
        let linker = linker::new(&engine, &component).map_err(setup)?;
        let python = linker.instantiate_pre(&component).and_then(PythonPre::new).map_err(setup)?;
        let heart = Heart::start(&engine).map_err(|error| Error::Setup(error.into()))?;
        let shared = Shared {
            engine,
            python,
            python_version: OnceLock::new(),
            least_memory_bytes: OnceLock::new(),
            max_interpreters: options.max_interpreters,
            _heart: heart,
        };
        let sandbox = Sandbox { shared: Arc::new(shared) };
        // Also shows, before anything depends on it, that an interpreter starts here.
        let mut live = Live::instantiate(&sandbox, 0, Limits::default().memory_bytes)?;
        let _ = sandbox.shared.python_version.set(live.version()?);
        let _ = sandbox.shared.least_memory_bytes.set(live.memory_bytes());
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
        self.shared.least_memory_bytes.get().copied().unwrap_or(0)
    }

    /// The SHA-256, in hexadecimal, of the component: Python and the guest's own code. The same component
    /// gives the same outcomes everywhere.
    pub fn component_sha256(&self) -> &'static str {
        guest::COMPONENT_SHA256
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(crate) fn python(&self) -> &PythonPre<State> {
        &self.shared.python
    }

    /// Why an interpreter did not start.
    pub(crate) fn start_error(&self, error: wasmtime::Error) -> Error {
        if error.is::<PoolConcurrencyLimitError>() {
            Error::AtCapacity { max: self.shared.max_interpreters }
        } else {
            Error::Start(error.into())
        }
    }
}
