//! One handler for each call: decode, call the registry, encode.

use std::future::Future;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures::stream::{self, BoxStream, StreamExt as _};
use lifecycle::{Caller, Deadline};
use proto::env::v1;
use proto::env::v1::environment_service_server::EnvironmentService;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use super::metrics::Metrics;
use super::steps;
use crate::episode::play::Stepped;
use crate::episode::{Registry, step};
use crate::error::{Error, Violation};
use crate::family;
use crate::version::{COMMIT, VERSION};
use crate::wire;

/// The most steps of one batch.
const MAX_BATCH: usize = 1000;
/// Steps of a batch that wait or run at a time. The first answer may be the last to come, so others are held meanwhile.
const BATCH_AHEAD: usize = 256;
/// Steps of a stream that are taken before their answers are read.
const STREAM_AHEAD: usize = 16;

/// The environment service over a registry. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    registry: Arc<Registry>,
    metrics: Arc<Metrics>,
    started_at: SystemTime,
}

impl Service {
    /// A service that starts now.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, metrics: Arc::default(), started_at: SystemTime::now() }
    }

    /// Runs a call inside its span, times it, and encodes its answer.
    async fn call<T, M: From<T>>(
        &self,
        name: &'static str,
        episode_id: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Response<M>, Status> {
        let started = Instant::now();
        let span = tracing::debug_span!("rpc", name, episode_id);
        let answer = work.instrument(span.clone()).await;
        self.metrics.record(name, started.elapsed());
        span.in_scope(|| answer.map(|answer| Response::new(answer.into())).map_err(Status::from))
    }

    /// Takes a step, by whichever call it came.
    async fn take_step(
        self,
        caller: Caller,
        request: v1::StepRequest,
        deadline: Option<Instant>,
    ) -> Result<Arc<step::Record>, Status> {
        let request = step::Request::from(request);
        let id = request.episode_id.clone();
        let stepped: Response<Stepped> =
            self.call("Step", &id, self.registry.step(&caller, request, deadline)).await?;
        let Stepped { record, repeated } = stepped.into_inner();
        if !repeated {
            self.metrics.record("Step.run", record.answer.info.run_time);
        }
        Ok(record)
    }

    fn info(&self) -> v1::GetServerInfoResponse {
        let counts = self.registry.counts();
        v1::GetServerInfoResponse {
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
            python_version: self.registry.sandbox().python_version().to_owned(),
            interpreter_sha256: self.registry.sandbox().guest_sha256().to_owned(),
            task_sets: self.registry.catalog().sets().iter().map(v1::TaskSet::from).collect(),
            families: family::FAMILIES.iter().map(|name| (*name).to_owned()).collect(),
            default_limits: Some(self.registry.default_limits().into()),
            open_episodes: counts.episodes,
            episodes_created: counts.created,
            steps_run: counts.steps,
            latencies: self.metrics.summaries(),
            started_at: Some(self.started_at.into()),
            awake_interpreters: counts.awake,
        }
    }
}

#[tonic::async_trait]
impl EnvironmentService for Service {
    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Result<Response<v1::GetServerInfoResponse>, Status> {
        Ok(Response::new(self.info()))
    }

    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        let query = request.into_inner().into();
        self.call("ListTasks", "", async { self.registry.catalog().list(&query) }).await
    }

    async fn create_episode(
        &self,
        request: Request<v1::CreateEpisodeRequest>,
    ) -> Result<Response<v1::CreateEpisodeResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let id = request.episode_id.clone();
        self.call("CreateEpisode", &id, self.registry.create(caller, request)).await
    }

    async fn step(&self, request: Request<v1::StepRequest>) -> Result<Response<v1::StepResponse>, Status> {
        let (caller, deadline) = (caller(&request)?, deadline(&request));
        let record = self.clone().take_step(caller, request.into_inner(), deadline).await?;
        Ok(Response::new(record.as_ref().into()))
    }

    async fn get_episode(
        &self,
        request: Request<v1::GetEpisodeRequest>,
    ) -> Result<Response<v1::GetEpisodeResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let work = async {
            let steps = wire::steps(&request)?;
            let episode = self.registry.find(&caller, &request.episode_id)?;
            let private = request.include_private.then(|| self.registry.private_task(&caller, &episode));
            let task_json = private.transpose()?.unwrap_or_default();
            let description = v1::GetEpisodeResponse::from(episode.describe(steps)?);
            Ok(v1::GetEpisodeResponse { task_json, ..description })
        };
        self.call("GetEpisode", &request.episode_id, work).await
    }

    async fn close_episode(
        &self,
        request: Request<v1::CloseEpisodeRequest>,
    ) -> Result<Response<v1::CloseEpisodeResponse>, Status> {
        let caller = caller(&request)?;
        let id = request.into_inner().episode_id;
        self.call("CloseEpisode", &id, self.registry.close(&caller, &id)).await
    }

    type StepStreamStream = BoxStream<'static, Result<v1::StepStreamResponse, Status>>;

    async fn step_stream(
        &self,
        request: Request<Streaming<v1::StepRequest>>,
    ) -> Result<Response<Self::StepStreamStream>, Status> {
        let (service, caller, deadline) = (self.clone(), caller(&request)?, deadline(&request));
        let step = move |request| service.clone().take_step(caller.clone(), request, deadline);
        let taken = steps::taken(request.into_inner(), STREAM_AHEAD, step);
        Ok(Response::new(taken.map(|taken| taken.map(Into::into)).boxed()))
    }

    async fn step_batch(
        &self,
        request: Request<v1::StepBatchRequest>,
    ) -> Result<Response<v1::StepBatchResponse>, Status> {
        let (service, caller, deadline) = (self.clone(), caller(&request)?, deadline(&request));
        let requests = request.into_inner().steps;
        let work = async {
            if requests.len() > MAX_BATCH {
                let description = format!("must be at most {MAX_BATCH}; send the others in further calls");
                return Err(Violation::new("steps", description).into());
            }
            let step = |request| service.clone().take_step(caller.clone(), request, deadline);
            let requests = stream::iter(requests.into_iter().map(Ok::<_, Error>));
            steps::batch(steps::taken(requests, BATCH_AHEAD, step)).await
        };
        self.call("StepBatch", "", work).await
    }

    async fn fork_episode(
        &self,
        request: Request<v1::ForkEpisodeRequest>,
    ) -> Result<Response<v1::ForkEpisodeResponse>, Status> {
        let caller = caller(&request)?;
        let v1::ForkEpisodeRequest { episode_id, new_episode_ids } = request.into_inner();
        let id = episode_id.clone();
        let work = async {
            let forks = self.registry.fork(caller, episode_id, new_episode_ids).await?;
            Ok(v1::ForkEpisodeResponse {
                episodes: forks.into_iter().map(v1::EpisodeSummary::from).collect(),
            })
        };
        self.call("ForkEpisode", &id, work).await
    }

    async fn list_episodes(
        &self,
        request: Request<v1::ListEpisodesRequest>,
    ) -> Result<Response<v1::ListEpisodesResponse>, Status> {
        let (registry, caller) = (self.registry.clone(), caller(&request)?);
        let query = request.into_inner().into();
        let work = async {
            // Of 100,000 episodes a listing takes milliseconds.
            let listing = tokio::task::spawn_blocking(move || registry.list(&caller, &query)).await;
            listing.map_err(|error| Error::Internal(error.to_string()))?
        };
        self.call("ListEpisodes", "", work).await
    }

    async fn keep_alive(
        &self,
        request: Request<v1::KeepAliveRequest>,
    ) -> Result<Response<v1::KeepAliveResponse>, Status> {
        let caller = caller(&request)?;
        let ids = request.into_inner().episode_ids;
        self.call("KeepAlive", "", async { self.registry.keep_alive(&caller, ids) }).await
    }
}

/// When the client stops waiting for a call.
fn deadline<T>(request: &Request<T>) -> Option<Instant> {
    request.extensions().get().map(|Deadline(at)| *at)
}

/// Who makes the call.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request.extensions().get().cloned().ok_or_else(|| Status::internal("nobody has said who calls"))
}
