//! Calls to the environment server that survive a lost answer.
//!
//! Every request carries what makes it safe to repeat (the caller's own episode
//! id, the step's index), so a call that may or may not have arrived is simply
//! made again.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use proto::{client::EnvClient, env::v1 as env};
use tonic::{Code, Status};

/// How often and how long a call is tried.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Calls in all, the first included.
    pub attempts: u32,
    /// Wait before the second call; it doubles each time.
    pub base: Duration,
    /// Longest wait.
    pub max: Duration,
}

impl Default for Retry {
    /// About twenty seconds in all: enough for a server to be restarted.
    fn default() -> Self {
        Self { attempts: 10, base: Duration::from_millis(100), max: Duration::from_secs(5) }
    }
}

impl Retry {
    /// The wait after the given attempt (0 for the first): half of it fixed,
    /// half at random, so that clients which failed together don't come back
    /// together.
    fn wait(&self, attempt: u32) -> Duration {
        let full = self.base.saturating_mul(2u32.saturating_pow(attempt)).min(self.max);
        full / 2 + full.mul_f64(random_share() / 2.0)
    }
}

/// A connected environment server.
#[derive(Clone, Debug)]
pub struct Environment {
    client: EnvClient,
    retry: Retry,
}

/// Repeats a call while the server is away or full.
macro_rules! retried {
    ($self:ident, $method:ident, $request:ident) => {{
        let mut attempt = 0;
        loop {
            match $self.client.clone().$method($request.clone()).await {
                Ok(response) => break Ok(response.into_inner()),
                Err(status) if is_retryable(&status) && attempt + 1 < $self.retry.attempts => {
                    tokio::time::sleep($self.retry.wait(attempt)).await;
                    attempt += 1;
                }
                Err(status) => break Err(status),
            }
        }
    }};
}

impl Environment {
    /// Calls `client`, with `retry`.
    pub fn new(client: EnvClient, retry: Retry) -> Self {
        Self { client, retry }
    }

    /// What the server is.
    ///
    /// # Errors
    /// The last attempt's status.
    pub async fn info(&self) -> Result<env::GetServerInfoResponse, Status> {
        let request = env::GetServerInfoRequest {};
        retried!(self, get_server_info, request)
    }

    /// The first `limit` tasks of a family, in the server's order.
    ///
    /// # Errors
    /// The last attempt's status.
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
            let page: env::ListTasksResponse = retried!(self, list_tasks, request)?;
            tasks.extend(page.tasks);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        tasks.truncate(limit);
        Ok(tasks)
    }

    /// Begins an episode; the request must carry an episode id.
    ///
    /// # Errors
    /// The last attempt's status.
    pub async fn create(
        &self,
        request: env::CreateEpisodeRequest,
    ) -> Result<env::CreateEpisodeResponse, Status> {
        retried!(self, create_episode, request)
    }

    /// Takes one step.
    ///
    /// # Errors
    /// The last attempt's status.
    pub async fn step(&self, request: env::StepRequest) -> Result<env::StepResponse, Status> {
        retried!(self, step, request)
    }

    /// Ends an episode.
    ///
    /// # Errors
    /// The last attempt's status.
    pub async fn close(&self, episode_id: &str) -> Result<env::CloseEpisodeResponse, Status> {
        let request = env::CloseEpisodeRequest { episode_id: episode_id.to_owned() };
        retried!(self, close_episode, request)
    }
}

/// Whether the same call may succeed later.
fn is_retryable(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
}

/// At random, 0 to 1: the standard library's hash maps are seeded by the
/// operating system, and this is all the randomness that waiting needs.
fn random_share() -> f64 {
    RandomState::new().hash_one(()) as f64 / u64::MAX as f64
}
