//! What all interpreters of a sandbox share.

use crate::budget::Budget;
use crate::engine::{self, block_on};
use crate::error::{Error, explain_kernel_limit};
use crate::limits::Limits;
use crate::options::Options;
use crate::pool::{Placed, Pool};
use crate::storage::Storage;
use crate::world::World;
use crate::{cache, guest, linker};

/// What all interpreters of a sandbox share.
pub struct Host {
    /// Where instances are created.
    pub pool: Pool,
    /// Where snapshots are stored.
    pub storage: Storage,
    /// An instance that never runs. Its memory is the initial memory of every interpreter.
    pristine: Placed,
    python_version: String,
    max_memory_bytes: usize,
}

impl Host {
    /// Compiles the guest, or loads it from the cache, and checks that an interpreter starts.
    pub fn new(options: &Options) -> Result<Host, Error> {
        let setup = |error: wasmtime::Error| Error::Setup(explain_kernel_limit(error).into());
        let engine = engine::new(options).map_err(setup)?;
        let source = cache::Source { bytes: guest::MODULE, sha256: guest::MODULE_SHA256 };
        let module = cache::module(&engine, source, options.cache_dir.as_deref()).map_err(setup)?;
        let linker = linker::new(&engine, &module).map_err(setup)?;
        let pool = Pool::new(engine, &linker, &module, options).map_err(setup)?;
        let storage = Storage::new(options).map_err(|error| Error::Setup(error.into()))?;
        let python_version = python_version(&pool, options)?;
        let pristine = pool.instantiate(World::new([0; 32], 0), &start_limits(options))?;
        let max_memory_bytes = options.max_memory_bytes;
        Ok(Host { pool, storage, pristine, python_version, max_memory_bytes })
    }

    /// The memory of an interpreter that has not run any code.
    pub fn pristine(&self) -> &[u8] {
        self.pristine.python.access.memory.data(&self.pristine.store)
    }

    /// The number of the guest's mutable globals.
    pub fn variables(&self) -> usize {
        self.pristine.python.variables.len()
    }

    /// The most memory that an interpreter may have.
    pub fn max_memory_bytes(&self) -> usize {
        self.max_memory_bytes
    }

    /// The version of Python, such as `3.14.0`.
    pub fn python_version(&self) -> &str {
        &self.python_version
    }

    /// The memory of all interpreters together.
    pub fn budget(&self) -> &Budget {
        self.pool.budget()
    }
}

fn python_version(pool: &Pool, options: &Options) -> Result<String, Error> {
    let mut instance = pool.instantiate(World::new([0; 32], 0), &start_limits(options))?;
    let version = instance.python.version(&mut instance.store);
    block_on(version).map_err(|error| Error::Start(error.into()))
}

fn start_limits(options: &Options) -> Limits {
    Limits { memory_bytes: options.max_memory_bytes, ..Limits::default() }
}
