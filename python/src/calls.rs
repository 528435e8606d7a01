//! Calls to environment servers.

use std::path::PathBuf;

use client::{Credentials, Environments, Retry};
use proto::env::v1;
use pyo3::prelude::*;
use pyo3_async_runtimes::generic::future_into_py;
use tokio::sync::oneshot;

use crate::answers::{Answer, Info, List, ToPython};
use crate::connection::Connection;
use crate::errors::Failure;
use crate::requests::{Create, Step, seconds};
use crate::step_stream::StepStream;
use crate::threads::{Threads, runtime, wait};

/// Calls to environment servers, of which each method is one. A method waits for the answer; those of an instance for asyncio return
/// an awaitable of it.
#[pyclass(frozen)]
pub struct Calls {
    connection: Connection,
    is_async: bool,
}

#[pymethods]
impl Calls {
    #[new]
    #[pyo3(signature = (urls, token, ca, attempts, deadline, is_async))]
    fn new(
        urls: Vec<String>,
        token: Option<String>,
        ca: Option<PathBuf>,
        attempts: u32,
        deadline: f64,
        is_async: bool,
    ) -> PyResult<Self> {
        let own = Credentials::from_env();
        let credentials = Credentials { token: token.or(own.token), roots: ca.or(own.roots) };
        let retry = Retry { attempts, deadline: seconds(deadline, "deadline")?, ..Retry::default() };
        Ok(Self { connection: Connection::new(urls, credentials, retry), is_async })
    }

    /// What each server is.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async |servers: Environments| {
            let infos = servers.info().await?;
            let urls = servers.servers().iter().map(|server| server.url().to_owned());
            Ok(List(urls.zip(infos).map(|(url, info)| Info(url, info)).collect()))
        })
    }

    /// The first `limit` tasks.
    fn tasks<'py>(
        &self,
        py: Python<'py>,
        set: String,
        family: String,
        limit: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async move |servers: Environments| {
            Ok(List(servers.tasks(&set, &family, limit).await?))
        })
    }

    /// Begins an episode. If nobody waits for it any more, it is closed once it is there.
    #[pyo3(signature = (request: "object") -> "Any")]
    fn create<'py>(&self, py: Python<'py>, request: Create) -> PyResult<Bound<'py, PyAny>> {
        let request = request.message()?;
        self.answer(py, async move |servers: Environments| {
            let (answer, created) = oneshot::channel();
            runtime().spawn(async move {
                let created = servers.create(request).await;
                if let Err(Ok(unwanted)) = answer.send(created) {
                    // If that fails, its lease ends it.
                    let _ = servers.close(&unwanted.episode_id).await;
                }
            });
            Ok(created.await.expect("the task answers")?)
        })
    }

    /// Takes a step.
    fn step<'py>(&self, py: Python<'py>, step: Step, wall_clock: f64) -> PyResult<Bound<'py, PyAny>> {
        let wall_clock = seconds(wall_clock, "wall_clock")?;
        self.answer(py, async move |servers: Environments| Ok(servers.step(step.into(), wall_clock).await?))
    }

    /// Takes many steps: for each its answer or its exception.
    fn step_batch<'py>(
        &self,
        py: Python<'py>,
        steps: Vec<Step>,
        wall_clock: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wall_clock = seconds(wall_clock, "wall_clock")?;
        let steps = steps.into_iter().map(Into::into).collect();
        self.answer(py, async move |servers: Environments| {
            Ok(List(servers.step_batch(steps, wall_clock).await))
        })
    }

    /// Steps over a stream.
    fn step_stream(&self) -> StepStream {
        StepStream::new(self.connection.clone(), self.is_async)
    }

    /// Where an episode stands.
    fn episode<'py>(&self, py: Python<'py>, episode_id: String) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async move |servers: Environments| {
            let request = v1::GetEpisodeRequest { episode_id, ..<_>::default() };
            Ok(servers.episode(request).await?)
        })
    }

    /// Copies an episode.
    fn fork<'py>(
        &self,
        py: Python<'py>,
        episode_id: String,
        new_ids: Vec<String>,
        at_step_index: Option<u64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async move |servers: Environments| {
            Ok(List(servers.fork(&episode_id, &new_ids, at_step_index).await?))
        })
    }

    /// An episode as bytes.
    fn export<'py>(&self, py: Python<'py>, episode_id: String) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async move |servers: Environments| Ok(servers.export(&episode_id).await?))
    }

    /// Goes on with an exported episode.
    #[pyo3(signature = (episode: "bytes", episode_id) -> "Any")]
    fn import_episode<'py>(
        &self,
        py: Python<'py>,
        episode: Vec<u8>,
        episode_id: String,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async move |servers: Environments| Ok(servers.import(episode, &episode_id).await?))
    }

    /// Renews leases; returns the ids of episodes that are not there.
    fn keep_alive<'py>(&self, py: Python<'py>, episode_ids: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async move |servers: Environments| Ok(servers.keep_alive(episode_ids).await?))
    }

    /// Ends an episode.
    fn close<'py>(&self, py: Python<'py>, episode_id: String) -> PyResult<Bound<'py, PyAny>> {
        self.answer(py, async move |servers: Environments| Ok(servers.close(&episode_id).await?))
    }
}

impl Calls {
    /// The answer to a call, or an awaitable of it.
    fn answer<'py, T, F>(
        &self,
        py: Python<'py>,
        call: impl FnOnce(Environments) -> F + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        T: ToPython + Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let connection = self.connection.clone();
        let answer = async move { call(connection.servers().await?).await };
        if self.is_async {
            return future_into_py::<Threads, _, _>(py, async move { Ok(Answer(answer.await?)) });
        }
        wait(py, answer)??.to_python(py)
    }
}
