//! The thread that owns model and cache.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::unbounded_channel;

use super::handle::{Handle, Limits};
use super::memory;
use super::sequence::Accepted;
use super::turns::Turns;
use crate::Result;
use crate::lora::{self, Adapter};
use crate::model::Model;
use crate::tokenizer::Tokenizer;

/// How an engine is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Most answers under way at the same time.
    pub max_batch: usize,
    /// Most tokens of prompt and answer together.
    pub context: usize,
    /// Most requests that wait for a place in the batch.
    pub queue: usize,
}

/// What the engine is told.
pub enum Command {
    Generate(Box<Accepted>),
    Load(String, Adapter),
    Unload(String),
    Stop,
}

/// A running engine; dropping it stops it, answers under way are cut off.
pub struct Engine {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`crate::Error::Memory`] where the cache could not grow to what the options allow.
    pub fn start(model: Model, tokenizer: Arc<Tokenizer>, options: Options) -> Result<Self> {
        let cache = memory::cache(&model, options)?;
        let vocabulary = model.config().vocab_size;
        let limits = Limits { context: options.context, vocabulary, queue: options.queue };
        let (sender, commands) = unbounded_channel();
        let handle = Handle::new(sender, limits, lora::places(&model), tokenizer.clone());
        // Built on the thread that uses it: what its parts share is counted for one thread.
        let run = move || Turns::new(model, cache, tokenizer, options, commands).run();
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(run);
        let thread = thread.map_err(crate::Error::file("the engine's thread"))?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// The way to it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            // If it panicked, it said so.
            let _ = thread.join();
        }
    }
}
