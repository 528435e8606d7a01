//! The threads on which calls are made, and how Python waits for them.

use std::future::Future;
use std::pin::Pin;
use std::process;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3_async_runtimes::TaskLocals;
use pyo3_async_runtimes::generic;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

/// How long Python waits before it looks for signals, such as Ctrl-C.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(50);

/// The threads, and the process that has started them.
static STARTED: Mutex<Option<(u32, &Runtime)>> = Mutex::new(None);

/// The threads of this process. A process that was forked has none of its parent's, and starts its own.
pub fn runtime() -> &'static Runtime {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    match *started {
        Some((process, runtime)) if process == process::id() => runtime,
        _ => {
            let runtime = Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("runtime-gym")
                .enable_all()
                .build()
                .expect("the system starts two threads");
            let runtime = &*Box::leak(Box::new(runtime));
            *started = Some((process::id(), runtime));
            runtime
        }
    }
}

/// Waits for a call on this thread. Other threads of Python run meanwhile, and a signal's handler runs within
/// [`BETWEEN_SIGNALS`].
///
/// # Errors
/// What the handler of a signal raises: the call is dropped.
pub fn wait<F: Future<Output: Send> + Send>(py: Python<'_>, call: F) -> PyResult<F::Output> {
    let mut call = Box::pin(call);
    loop {
        let call = call.as_mut();
        let answer = py.detach(|| runtime().block_on(async { timeout(BETWEEN_SIGNALS, call).await }));
        match answer {
            Ok(answer) => return Ok(answer),
            Err(_) => py.check_signals()?,
        }
    }
}

/// The same threads, for asyncio.
pub struct Threads;

/// A call of asyncio that ended without an answer.
pub struct Ended(JoinError);

impl generic::JoinError for Ended {
    fn is_panic(&self) -> bool {
        self.0.is_panic()
    }

    fn into_panic(self) -> Box<dyn std::any::Any + Send + 'static> {
        self.0.into_panic()
    }
}

/// A call of asyncio that runs.
pub struct Running(JoinHandle<()>);

impl Future for Running {
    type Output = Result<(), Ended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(Ended)
    }
}

impl generic::Runtime for Threads {
    type JoinError = Ended;
    type JoinHandle = Running;

    fn spawn<F: Future<Output = ()> + Send + 'static>(call: F) -> Running {
        Running(runtime().spawn(call))
    }

    fn spawn_blocking<F: FnOnce() + Send + 'static>(function: F) -> Running {
        Running(runtime().spawn_blocking(function))
    }
}

tokio::task_local! {
    static LOCALS: TaskLocals;
}

impl generic::ContextExt for Threads {
    fn scope<F, R>(locals: TaskLocals, call: F) -> Pin<Box<dyn Future<Output = R> + Send>>
    where
        F: Future<Output = R> + Send + 'static,
    {
        Box::pin(LOCALS.scope(locals, call))
    }

    fn get_task_locals() -> Option<TaskLocals> {
        LOCALS.try_with(Clone::clone).ok()
    }
}
