//! One thin handler a call: decode, call the registry, encode.

use std::future::Future;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use proto::env::v1;
use proto::env::v1::environment_service_server::EnvironmentService;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument as _;

use super::metrics::Metrics;
use crate::episode::{Error, Registry};
use crate::family;
use crate::version::{COMMIT, VERSION};

/// The environment service over a registry.
pub struct Service {
    registry: Arc<Registry>,
    metrics: Metrics,
    started_at: SystemTime,
}

impl Service {
    /// A service that starts now.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, metrics: Metrics::default(), started_at: SystemTime::now() }
    }

    /// Runs a call inside its span and times it.
    async fn call<T>(
        &self,
        name: &'static str,
        episode_id: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<Response<T>, Status> {
        let started = Instant::now();
        let span = tracing::debug_span!("rpc", name, episode_id);
        let answer = work.instrument(span.clone()).await;
        self.metrics.record(name, started.elapsed());
        span.in_scope(|| answer.map(Response::new).map_err(Status::from))
    }

    fn info(&self) -> v1::GetServerInfoResponse {
        let (open_episodes, episodes_created, steps_run) = self.registry.counts();
        v1::GetServerInfoResponse {
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
            python_version: self.registry.sandbox().python_version().to_owned(),
            interpreter_sha256: self.registry.sandbox().guest_sha256().to_owned(),
            task_sets: self.registry.catalog().describe(),
            families: family::FAMILIES.iter().map(|name| (*name).to_owned()).collect(),
            default_limits: Some(self.registry.default_limits().to_proto()),
            open_episodes,
            episodes_created,
            steps_run,
            latencies: self.metrics.summaries(),
            started_at: Some(self.started_at.into()),
            awake_interpreters: self.registry.awake() as u64,
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
        let request = request.into_inner();
        self.call("ListTasks", "", async { self.registry.catalog().list(&request) }).await
    }

    async fn create_episode(
        &self,
        request: Request<v1::CreateEpisodeRequest>,
    ) -> Result<Response<v1::CreateEpisodeResponse>, Status> {
        let request = request.into_inner();
        let id = request.episode_id.clone();
        self.call("CreateEpisode", &id, self.registry.create(request)).await
    }

    async fn step(&self, request: Request<v1::StepRequest>) -> Result<Response<v1::StepResponse>, Status> {
        let request = request.into_inner();
        let id = request.episode_id.clone();
        let stepped = self.call("Step", &id, self.registry.step(request)).await?.into_inner();
        let run_time = stepped.response.info.as_ref().and_then(|info| info.run_time);
        if let Some(run_time) = run_time.filter(|_| !stepped.repeated) {
            self.metrics.record("Step.run", run_time.try_into().unwrap_or_default());
        }
        Ok(Response::new(stepped.response))
    }

    async fn get_episode(
        &self,
        request: Request<v1::GetEpisodeRequest>,
    ) -> Result<Response<v1::GetEpisodeResponse>, Status> {
        let request = request.into_inner();
        let work = async {
            if request.include_private {
                let message =
                    "include_private needs an operator credential, which this server does not issue";
                return Err(Error::Forbidden(message.to_owned()));
            }
            Ok(self.registry.find(&request.episode_id)?.describe(request.include_steps).await)
        };
        self.call("GetEpisode", &request.episode_id, work).await
    }

    async fn close_episode(
        &self,
        request: Request<v1::CloseEpisodeRequest>,
    ) -> Result<Response<v1::CloseEpisodeResponse>, Status> {
        let id = request.into_inner().episode_id;
        self.call("CloseEpisode", &id, self.registry.close(&id)).await
    }

    type StepStreamStream = ReceiverStream<Result<v1::StepStreamResponse, Status>>;

    async fn step_stream(
        &self,
        _: Request<Streaming<v1::StepRequest>>,
    ) -> Result<Response<Self::StepStreamStream>, Status> {
        Err(unimplemented("StepStream"))
    }

    async fn step_batch(
        &self,
        _: Request<v1::StepBatchRequest>,
    ) -> Result<Response<v1::StepBatchResponse>, Status> {
        Err(unimplemented("StepBatch"))
    }

    async fn fork_episode(
        &self,
        request: Request<v1::ForkEpisodeRequest>,
    ) -> Result<Response<v1::ForkEpisodeResponse>, Status> {
        let request = request.into_inner();
        let id = request.episode_id.clone();
        self.call("ForkEpisode", &id, self.registry.fork(request)).await
    }

    async fn list_episodes(
        &self,
        _: Request<v1::ListEpisodesRequest>,
    ) -> Result<Response<v1::ListEpisodesResponse>, Status> {
        Err(unimplemented("ListEpisodes"))
    }

    async fn keep_alive(
        &self,
        _: Request<v1::KeepAliveRequest>,
    ) -> Result<Response<v1::KeepAliveResponse>, Status> {
        Err(unimplemented("KeepAlive"))
    }
}

fn unimplemented(call: &str) -> Status {
    Status::unimplemented(format!("{call} is part of the protocol but not of this version of the server"))
}
