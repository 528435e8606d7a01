//! Calls to the environment server that survive a lost answer.
//!
//! Every request that changes an episode carries what makes it safe to repeat: the episode id, chosen by the
//! client, and the index of the step. The server answers a repeated request with the stored answer. A call
//! that may or may not have arrived is therefore repeated, and still takes effect exactly once. Every attempt
//! has a deadline.

mod stream;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::env::v1 as env;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Response, Status};

use crate::connect::EnvClient;
use crate::retry::{Retry, is_unreachable};
use crate::status::{reason, status_of};

pub use stream::StepStream;

/// How long after the end of its lease an abandoned episode may still occupy its place on the server.
const BEYOND_LEASE: Duration = Duration::from_secs(30);

/// The server's lease for a request that names none.
const DEFAULT_LEASE: Duration = Duration::from_secs(900);

/// A connected environment server: one method for each call. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Environment {
    client: EnvClient,
    retry: Retry,
    /// Names the server's run, since it was asked; empty before.
    boot_id: Arc<Mutex<String>>,
}

impl Environment {
    /// Makes calls with `client`, and repeats them as `retry` says.
    pub fn new(client: EnvClient, retry: Retry) -> Self {
        Self { client, retry, boot_id: Arc::default() }
    }

    /// Makes a call, and repeats it while the server can't be reached, as often as `retry` allows. `deadline`
    /// bounds each attempt.
    async fn retried<T, F>(
        &self,
        deadline: Duration,
        mut call: impl FnMut(EnvClient) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut attempt = 0;
        loop {
            let answer = timeout(deadline, call(self.client.clone())).await;
            match answer.unwrap_or_else(|_| Err(no_answer(deadline))) {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) if is_unreachable(&status) && self.retry.allows_another(attempt) => {
                    sleep(self.retry.wait(attempt)).await;
                    attempt += 1;
                }
                Err(status) => return Err(status),
            }
        }
    }

    /// The server's versions and task sets.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn info(&self) -> Result<env::GetServerInfoResponse, Status> {
        let call =
            |mut client: EnvClient| async move { client.get_server_info(env::GetServerInfoRequest {}).await };
        let info = self.retried(self.retry.deadline, call).await?;
        info.boot_id.clone_into(&mut self.known_boot_id());
        Ok(info)
    }

    /// The same by one attempt.
    pub(crate) async fn info_once(&self) -> Result<env::GetServerInfoResponse, Status> {
        let deadline = self.retry.deadline;
        let answer =
            timeout(deadline, self.client.clone().get_server_info(env::GetServerInfoRequest {})).await;
        let info = answer.unwrap_or_else(|_| Err(no_answer(deadline)))?.into_inner();
        info.boot_id.clone_into(&mut self.known_boot_id());
        Ok(info)
    }

    /// How failed calls are repeated.
    pub(crate) fn retry(&self) -> &Retry {
        &self.retry
    }

    /// The first `limit` tasks of a family in a task set, in the server's order.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn tasks(
        &self,
        set: &str,
        family: &str,
        limit: usize,
    ) -> Result<Vec<env::TaskSummary>, Status> {
        let mut request = env::ListTasksRequest {
            set: set.to_owned(),
            family: family.to_owned(),
            ..env::ListTasksRequest::default()
        };
        let mut tasks = Vec::new();
        while tasks.len() < limit {
            let call = |mut client: EnvClient| {
                let request = request.clone();
                async move { client.list_tasks(request).await }
            };
            let page = self.retried(self.retry.deadline, call).await?;
            tasks.extend(page.tasks);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        tasks.truncate(limit);
        Ok(tasks)
    }

    /// Creates an episode. The request must carry an episode id.
    ///
    /// A server without a free place (RESOURCE_EXHAUSTED) is asked again until a lease as long as this
    /// episode's has ended: by then the places of abandoned episodes are free. `retry` does not limit these
    /// attempts. If the server has restarted, the log says so, and the episode is created on what is there now: no step of
    /// it has been taken. A request with a `boot_id` of its own fails instead.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn create(
        &self,
        request: env::CreateEpisodeRequest,
    ) -> Result<env::CreateEpisodeResponse, Status> {
        let mut restarts = 0;
        loop {
            let mut named = request.clone();
            if named.boot_id.is_empty() {
                named.boot_id = self.boot_id().await?;
            }
            match self.create_on(named).await {
                Err(status)
                    if reason(&status).as_deref() == Some("SERVER_RESTARTED")
                        && request.boot_id.is_empty()
                        && self.retry.allows_another(restarts) =>
                {
                    tracing::warn!(
                        episode_id = request.episode_id,
                        "the server has restarted: the episode is created again"
                    );
                    self.known_boot_id().clear();
                    restarts += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Creates an episode on the run of the server that the request names.
    async fn create_on(
        &self,
        request: env::CreateEpisodeRequest,
    ) -> Result<env::CreateEpisodeResponse, Status> {
        let lease = lease(&request);
        let call = |mut client: EnvClient| {
            let request = request.clone();
            async move { client.create_episode(request).await }
        };
        self.while_exhausted(lease, || self.retried(self.retry.deadline, call)).await
    }

    /// Creates an episode by one attempt, on the run of the server that the request names.
    pub(crate) async fn create_once(
        &self,
        request: env::CreateEpisodeRequest,
    ) -> Result<env::CreateEpisodeResponse, Status> {
        let deadline = self.retry.deadline;
        let answer = timeout(deadline, self.client.clone().create_episode(request)).await;
        answer.unwrap_or_else(|_| Err(no_answer(deadline))).map(Response::into_inner)
    }

    /// The run of the server that is there, by the latest that is known of it.
    pub(crate) fn last_boot_id(&self) -> String {
        self.known_boot_id().clone()
    }

    async fn boot_id(&self) -> Result<String, Status> {
        let known = self.known_boot_id().clone();
        if known.is_empty() { Ok(self.info().await?.boot_id) } else { Ok(known) }
    }

    fn known_boot_id(&self) -> MutexGuard<'_, String> {
        self.boot_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call again while it is refused for want of room or quota (RESOURCE_EXHAUSTED), until a lease of this length
    /// has ended.
    async fn while_exhausted<T, F: Future<Output = Result<T, Status>>>(
        &self,
        lease: Duration,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Status> {
        let give_up = room_by(lease);
        let mut refusals = 0;
        loop {
            match call().await {
                Err(status) if status.code() == Code::ResourceExhausted && Instant::now() < give_up => {
                    sleep(self.retry.wait_after(refusals, &status)).await;
                    refusals += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Runs one step. `wall_clock` is the step's wall-clock limit; the deadline of an attempt is longer by
    /// [`Retry::deadline`]. A step for which the caller's quota has nothing left is asked for again, as a create is.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn step(
        &self,
        request: env::StepRequest,
        wall_clock: Duration,
    ) -> Result<env::StepResponse, Status> {
        let call = |mut client: EnvClient| {
            let request = request.clone();
            async move { client.step(request).await }
        };
        let deadline = wall_clock + self.retry.deadline;
        self.while_exhausted(DEFAULT_LEASE, || self.retried(deadline, call)).await
    }

    /// Takes steps of many episodes at once, at most as many as the server allows in a call; the answers come in the order of the
    /// steps. A step that has failed does not fail the others. Those that the server had no room or quota for, or whose answers had no
    /// room in its own, are sent again, as [`Self::step`] does. `wall_clock` is the longest wall-clock limit of a step.
    ///
    /// # Errors
    /// The status of the last attempt. Steps may have been taken then: sent again, they get their answers.
    pub async fn step_batch(
        &self,
        steps: Vec<env::StepRequest>,
        wall_clock: Duration,
    ) -> Result<Vec<Result<env::StepResponse, Status>>, Status> {
        let give_up = room_by(DEFAULT_LEASE);
        let mut answers: Vec<_> = steps.iter().map(|_| Err(Status::internal("no answer"))).collect();
        let mut open: Vec<usize> = (0..steps.len()).collect();
        let mut refusals = 0;
        loop {
            let request =
                env::StepBatchRequest { steps: open.iter().map(|&place| steps[place].clone()).collect() };
            let call = |mut client: EnvClient| {
                let request = request.clone();
                async move { client.step_batch(request).await }
            };
            let results = self.retried(wall_clock + self.retry.deadline, call).await?.results;
            if results.len() != open.len() {
                let text = format!("{} answers to {} steps", results.len(), open.len());
                return Err(Status::internal(text));
            }
            let mut again = Vec::new();
            let mut wait = Duration::ZERO;
            for (place, result) in std::mem::take(&mut open).into_iter().zip(results) {
                answers[place] = match result.result {
                    Some(env::step_stream_response::Result::Response(response)) => Ok(response),
                    Some(env::step_stream_response::Result::Error(error)) => {
                        if error.reason == "ANSWER_LEFT_OUT" {
                            again.push(place);
                        } else if error.code == i32::from(Code::ResourceExhausted) && Instant::now() < give_up
                        {
                            let asked = error.retry_delay.and_then(|delay| delay.try_into().ok());
                            wait = wait.max(self.retry.wait_at_least(refusals, asked));
                            again.push(place);
                        }
                        Err(status_of(error))
                    }
                    None => Err(Status::internal("an empty answer")),
                };
            }
            if again.is_empty() {
                return Ok(answers);
            }
            if !wait.is_zero() {
                refusals += 1;
                sleep(wait).await;
            }
            open = again;
        }
    }

    /// Renews an episode's lease, for turns that make no other call. If the episode is closed, the next call on it says so.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn renew(&self, episode_id: &str) -> Result<(), Status> {
        self.keep_alive(vec![episode_id.to_owned()]).await.map(drop)
    }

    /// Renews the leases of at most 1,000 episodes; says which of them are not there.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn keep_alive(&self, episode_ids: Vec<String>) -> Result<env::KeepAliveResponse, Status> {
        let request = env::KeepAliveRequest { episode_ids };
        let call = |mut client: EnvClient| {
            let request = request.clone();
            async move { client.keep_alive(request).await }
        };
        self.retried(self.retry.deadline, call).await
    }

    /// Where an episode stands.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn episode(&self, request: env::GetEpisodeRequest) -> Result<env::GetEpisodeResponse, Status> {
        let call = |mut client: EnvClient| {
            let request = request.clone();
            async move { client.get_episode(request).await }
        };
        self.retried(self.retry.deadline, call).await
    }

    /// An episode as bytes, for [`Self::import`]. It goes on here, too.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn export(&self, episode_id: &str) -> Result<Vec<u8>, Status> {
        let call = |mut client: EnvClient| {
            let request = env::ExportEpisodeRequest { episode_id: episode_id.to_owned() };
            async move { client.export_episode(request).await }
        };
        Ok(self.retried(self.retry.deadline, call).await?.episode)
    }

    /// Goes on with an exported episode, under this id.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn import(&self, episode: Vec<u8>, episode_id: &str) -> Result<env::EpisodeSummary, Status> {
        let request = env::ImportEpisodeRequest { episode, episode_id: episode_id.to_owned() };
        let call = |mut client: EnvClient| {
            let request = request.clone();
            async move { client.import_episode(request).await }
        };
        let answer = self.while_exhausted(DEFAULT_LEASE, || self.retried(self.retry.deadline, call)).await?;
        answer.episode.ok_or_else(|| Status::internal("the server has not said where the episode stands"))
    }

    /// Moves an episode to another server, where it goes on under the id `to_id`. Nobody may take steps in it meanwhile. The episode
    /// is closed here once it is there: where the move is repeated and was done before, it is EPISODE_ENDED here.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn move_to(
        &self,
        episode_id: &str,
        other: &Self,
        to_id: &str,
    ) -> Result<env::EpisodeSummary, Status> {
        let imported = other.import(self.export(episode_id).await?, to_id).await?;
        self.close(episode_id).await?;
        Ok(imported)
    }

    /// Copies an episode into new ones with these ids, and tells where they stand: where it does, or did before the step
    /// `at_step_index`.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn fork(
        &self,
        episode_id: &str,
        new_episode_ids: Vec<String>,
        at_step_index: Option<u64>,
    ) -> Result<Vec<env::EpisodeSummary>, Status> {
        let episode_id = episode_id.to_owned();
        let request = env::ForkEpisodeRequest { episode_id, new_episode_ids, at_step_index };
        let call = |mut client: EnvClient| {
            let request = request.clone();
            async move { client.fork_episode(request).await }
        };
        Ok(self.retried(self.retry.deadline, call).await?.episodes)
    }

    /// Ends an episode and evaluates it.
    ///
    /// # Errors
    /// The status of the last attempt.
    pub async fn close(&self, episode_id: &str) -> Result<env::CloseEpisodeResponse, Status> {
        let call = |mut client: EnvClient| {
            let request = env::CloseEpisodeRequest { episode_id: episode_id.to_owned() };
            async move { client.close_episode(request).await }
        };
        self.retried(self.retry.deadline, call).await
    }
}

/// The lease that a request asks for.
pub(crate) fn lease(request: &env::CreateEpisodeRequest) -> Duration {
    request.lease.and_then(|lease| lease.try_into().ok()).unwrap_or(DEFAULT_LEASE)
}

/// When places of abandoned episodes with this lease are free at the latest.
pub(crate) fn room_by(lease: Duration) -> Instant {
    Instant::now() + lease + BEYOND_LEASE
}

fn no_answer(deadline: Duration) -> Status {
    Status::deadline_exceeded(format!("the server did not answer within {} s", deadline.as_secs_f64()))
}
