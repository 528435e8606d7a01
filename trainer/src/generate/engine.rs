//! The engine: a thread that owns model and cache.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::command::Command;
use super::handle::{Handle, Limits};
use super::scheduler::Scheduler;
use super::{Options, memory};
use crate::model::Model;
use crate::tokenizer::Tokenizer;
use crate::{Result, lora, openmp};

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
    pub fn start(mut model: Model, tokenizer: Arc<Tokenizer>, options: Options) -> Result<Self> {
        openmp::apart(|| model.lay_out_for_generating());
        let cache = memory::cache(&model, options)?;
        let (handle, commands) = connected(&model, &tokenizer, options);
        // Built on the thread that runs it, because it holds `Rc`s.
        let run = move || Scheduler::new(&model, cache, tokenizer, options, commands).run();
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(run);
        let thread = thread.map_err(crate::Error::file("the engine's thread"))?;
        Ok(Self { handle, thread: Some(thread) })
    }

    /// The handle that submits requests; cheap to clone.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Runs an engine on this thread while `work`, on another one, submits requests. So a model that is being trained generates
/// with the weights that it has now, which nobody copies.
///
/// # Errors
/// [`crate::Error::Memory`] if the cache could not grow to what the options allow.
pub fn run_here<T: Send>(
    model: &Model,
    tokenizer: &Arc<Tokenizer>,
    options: Options,
    work: impl FnOnce(&Handle) -> T + Send,
) -> Result<T> {
    let cache = memory::cache(model, options)?;
    let (handle, commands) = connected(model, tokenizer, options);
    std::thread::scope(|scope| {
        let working = scope.spawn(move || {
            // Also when the work panics, or the engine would wait for it.
            let handle = Stopping(handle);
            work(&handle.0)
        });
        Scheduler::new(model, cache, tokenizer.clone(), options, commands).run();
        Ok(working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Stops the engine when it is dropped.
struct Stopping(Handle);

impl Drop for Stopping {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The handle of an engine that is about to run, and what it will hear.
fn connected(
    model: &Model,
    tokenizer: &Arc<Tokenizer>,
    options: Options,
) -> (Handle, UnboundedReceiver<Command>) {
    let vocabulary = model.config().vocab_size;
    let limits = Limits { context: options.context, vocabulary, queue: options.queue };
    let (sender, commands) = unbounded_channel();
    (Handle::new(sender, limits, lora::matrices(model), tokenizer.clone()), commands)
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
