//! Submits requests to the engine and changes its adapters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::command::{Accepted, Command};
use super::{Error, Generation, Request, Result};
use crate::digest;
use crate::lora::{self, Adapter, MatrixInfo};
use crate::openmp;
use crate::tokenizer::Tokenizer;

/// The longest name of an adapter, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// A loaded adapter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdapterInfo {
    /// Its name.
    pub name: String,
    /// The folder that it was loaded from.
    pub path: PathBuf,
    /// Its rank.
    pub rank: i64,
    /// SHA-256 of its weights, in hex.
    pub sha256: String,
}

/// Submits requests to an engine and changes its adapters; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    commands: UnboundedSender<Command>,
    queue: Arc<Semaphore>,
    limits: Limits,
    matrices: Vec<MatrixInfo>,
    tokenizer: Arc<Tokenizer>,
    /// Commands that concern adapters are sent while this is locked, so that both sides see the same order.
    adapters: Mutex<BTreeMap<String, AdapterInfo>>,
}

/// The bounds that requests are checked against.
#[derive(Clone, Copy)]
pub struct Limits {
    pub context: usize,
    pub vocabulary: i64,
    pub queue: usize,
}

impl Handle {
    pub(super) fn new(
        commands: UnboundedSender<Command>,
        limits: Limits,
        matrices: Vec<MatrixInfo>,
        tokenizer: Arc<Tokenizer>,
    ) -> Self {
        let queue = Arc::new(Semaphore::new(limits.queue));
        let adapters = Mutex::default();
        Self { shared: Arc::new(Shared { commands, queue, limits, matrices, tokenizer, adapters }) }
    }

    /// Submits a request.
    ///
    /// # Errors
    /// [`Error`] if a field is out of bounds, the prompt is too long, the queue is full, or there is no such
    /// adapter.
    pub fn generate(&self, request: Request) -> Result<Generation> {
        let adapters = self.lock();
        let (accepted, generation) = self.accept(request, &adapters)?;
        self.send(Command::Generate(vec![accepted]))?;
        Ok(generation)
    }

    /// Submits requests that begin together: an engine without other work puts them into its batch in this order, so the
    /// batch, and with it rounding, follows from the requests alone. One result for each of them, in their order.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the engine has ended; for a single request as [`Self::generate`].
    pub fn generate_all(&self, requests: Vec<Request>) -> Result<Vec<Result<Generation>>> {
        let adapters = self.lock();
        let mut all = vec![];
        let begun = requests.into_iter().map(|request| -> Result<Generation> {
            let (accepted, generation) = self.accept(request, &adapters)?;
            all.push(accepted);
            Ok(generation)
        });
        let begun = begun.collect();
        self.send(Command::Generate(all))?;
        Ok(begun)
    }

    /// Checks a request, and takes its place in the queue.
    fn accept(
        &self,
        request: Request,
        adapters: &BTreeMap<String, AdapterInfo>,
    ) -> Result<(Accepted, Generation)> {
        let Limits { context, vocabulary, queue } = self.shared.limits;
        request.check(context, vocabulary)?;
        let place = self.shared.queue.clone().try_acquire_owned().map_err(|_| Error::Full { queue })?;
        if let Some(name) = request.adapter.as_ref().filter(|name| !adapters.contains_key(*name)) {
            return Err(unknown(name, adapters));
        }
        let (sender, events) = unbounded_channel();
        Ok((Accepted { request, events: sender, place, arrived: Instant::now() }, Generation { events }))
    }

    /// Loads an adapter from a PEFT folder after checking all of it. Blocks on file access. Generations under
    /// way keep using an adapter that is replaced.
    ///
    /// # Errors
    /// [`Error`] if the name is taken, empty or too long, or the adapter does not fit the model.
    pub fn load(&self, name: &str, path: &Path, replace: bool) -> Result<AdapterInfo> {
        if name.is_empty() {
            return Err(Error::field("name", "is empty: that is the base model"));
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(Error::field(
                "name",
                format!("has {} bytes, more than {MAX_NAME_BYTES}", name.len()),
            ));
        }
        let taken = || Error::AdapterExists { name: name.to_owned() };
        if !replace && self.lock().contains_key(name) {
            return Err(taken());
        }
        let adapter = openmp::apart(|| Adapter::read(&self.shared.matrices, path)).map_err(Error::Adapter)?;
        let info = AdapterInfo {
            name: name.to_owned(),
            path: path.to_owned(),
            rank: adapter.config().r,
            sha256: digest::file(&path.join(lora::WEIGHTS)).map_err(Error::Adapter)?,
        };
        let mut adapters = self.lock();
        if !replace && adapters.contains_key(name) {
            return Err(taken());
        }
        self.send(Command::Load(name.to_owned(), adapter))?;
        adapters.insert(name.to_owned(), info.clone());
        Ok(info)
    }

    /// Removes an adapter; generations under way keep using it.
    ///
    /// # Errors
    /// [`Error::UnknownAdapter`].
    pub fn unload(&self, name: &str) -> Result<()> {
        let mut adapters = self.lock();
        if !adapters.contains_key(name) {
            return Err(unknown(name, &adapters));
        }
        self.send(Command::Unload(name.to_owned()))?;
        adapters.remove(name);
        Ok(())
    }

    /// The loaded adapters, sorted by name.
    pub fn adapters(&self) -> Vec<AdapterInfo> {
        self.lock().values().cloned().collect()
    }

    /// Most tokens of prompt and answer together.
    pub fn context_length(&self) -> usize {
        self.shared.limits.context
    }

    /// The size of the vocabulary: token ids are below this.
    pub fn vocabulary_size(&self) -> i64 {
        self.shared.limits.vocabulary
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Arc<Tokenizer> {
        &self.shared.tokenizer
    }

    /// Resolves when the engine has ended, for whatever reason.
    pub async fn ended(&self) {
        self.shared.commands.closed().await;
    }

    pub(super) fn stop(&self) {
        // The engine may have ended already.
        let _ = self.shared.commands.send(Command::Stop);
    }

    fn send(&self, command: Command) -> Result<()> {
        self.shared.commands.send(command).map_err(|_| Error::Stopped)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, AdapterInfo>> {
        self.shared.adapters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(name: &str, adapters: &BTreeMap<String, AdapterInfo>) -> Error {
    Error::UnknownAdapter { name: name.to_owned(), known: adapters.keys().cloned().collect() }
}
