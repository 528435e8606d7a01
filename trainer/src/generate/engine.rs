//! The engine: a thread that owns model and cache.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::unbounded_channel;

use super::handle::{Handle, Limits};
use super::scheduler::Scheduler;
use super::{Options, memory};
use crate::model::Model;
use crate::tokenizer::Tokenizer;
use crate::{Result, lora};

/// A running engine. Dropping it stops the thread; answers under way end as
/// [`Finish::Cancelled`](super::Finish).
pub struct Engine {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`crate::Error::Memory`] if the cache could not grow to what the options allow.
    pub fn start(model: Model, tokenizer: Arc<Tokenizer>, options: Options) -> Result<Self> {
        let cache = memory::cache(&model, options)?;
        let vocabulary = model.config().vocab_size;
        let limits = Limits { context: options.context, vocabulary, queue: options.queue };
        let (sender, commands) = unbounded_channel();
        let handle = Handle::new(sender, limits, lora::matrices(&model), tokenizer.clone());
        // Built on the thread that runs it, because it holds `Rc`s.
        let run = move || Scheduler::new(model, cache, tokenizer, options, commands).run();
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(run);
        let thread = thread.map_err(crate::Error::file("the engine's thread"))?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// The handle that submits requests; cheap to clone.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            // A panic has been reported already.
            let _ = thread.join();
        }
    }
}
