//! Steps over a stream, whose answers are received in the order in which they were sent.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::{CallError, StepStreams};
use futures::future::BoxFuture;
use proto::env::v1;
use pyo3::exceptions::{PyIndexError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3_async_runtimes::generic::future_into_py;
use tokio::sync::{mpsc, oneshot};

use crate::answers::{Answer, ToPython as _};
use crate::connection::Connection;
use crate::errors::Failure;
use crate::of_process::OfProcess;
use crate::requests::{Step, seconds};
use crate::threads::{Threads, runtime, wait};

/// The answer to a step that was sent.
type Answered = BoxFuture<'static, Result<v1::StepResponse, CallError>>;

/// A step, and whoever gets its answer once it is sent.
type Sent = (v1::StepRequest, Duration, oneshot::Sender<Result<Answered, Failure>>);

/// Steps without an answer.
type Unanswered = VecDeque<oneshot::Receiver<Result<Answered, Failure>>>;

/// Steps over one stream to each server. Sending waits for nothing; `receive` waits for the oldest step without an answer.
#[pyclass(frozen)]
pub struct StepStream {
    is_async: bool,
    open: OfProcess<Open>,
}

/// An open stream.
struct Open {
    steps: mpsc::UnboundedSender<Sent>,
    /// In the order in which their steps were sent.
    unanswered: Mutex<Unanswered>,
}

impl StepStream {
    /// A stream that connects when its first step is sent.
    pub fn new(connection: Connection, is_async: bool) -> Self {
        let (steps, sent) = mpsc::unbounded_channel();
        runtime().spawn(send(connection, sent));
        Self { is_async, open: OfProcess::new(Open { steps, unanswered: Mutex::default() }) }
    }

    fn open(&self) -> PyResult<&Open> {
        let problem =
            || PyRuntimeError::new_err("the stream is of another process: open one in this process");
        self.open.get().ok_or_else(problem)
    }
}

impl Open {
    fn unanswered(&self) -> MutexGuard<'_, Unanswered> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl StepStream {
    /// Sends a step.
    fn send(&self, step: Step, wall_clock: f64) -> PyResult<()> {
        let wall_clock = seconds(wall_clock, "wall_clock")?;
        let open = self.open()?;
        let (answer, answered) = oneshot::channel();
        // Both under the lock: answers are received in the order in which steps were sent.
        let mut unanswered = open.unanswered();
        let _ = open.steps.send((step.into(), wall_clock, answer));
        unanswered.push_back(answered);
        Ok(())
    }

    /// The answer to the step that was sent first of those without one.
    fn receive<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let next = self.open()?.unanswered().pop_front();
        let next = next.ok_or_else(|| PyIndexError::new_err("every step that was sent is answered"))?;
        let answer = async move { Ok::<_, Failure>(next.await.expect("the task answers")?.await?) };
        if self.is_async {
            return future_into_py::<Threads, _, _>(py, async move { Ok(Answer(answer.await?)) });
        }
        wait(py, answer)??.to_python(py)
    }
}

/// Sends steps until there are no more.
async fn send(connection: Connection, mut steps: mpsc::UnboundedReceiver<Sent>) {
    let mut streams: Option<StepStreams> = None;
    while let Some((step, wall_clock, answer)) = steps.recv().await {
        let sent = match &mut streams {
            Some(streams) => Ok(streams.send(step, wall_clock)),
            none => connection
                .servers()
                .await
                .map(|servers| none.insert(servers.step_streams()).send(step, wall_clock)),
        };
        // Nobody may wait for it.
        let _ = answer.send(sent);
    }
}
