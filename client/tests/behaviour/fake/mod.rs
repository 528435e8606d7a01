//! A server that loses answers, does not answer, or has no free place.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::Retry;
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use proto::env::v1;
use proto::env::v1::environment_service_server::{EnvironmentService, EnvironmentServiceServer};
use proto::env::v1::step_stream_response::Result as Outcome;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Retries without the waiting.
pub const RETRY: Retry = Retry {
    attempts: 3,
    base: Duration::from_millis(1),
    max: Duration::from_millis(2),
    jitter: Duration::ZERO,
    deadline: Duration::from_secs(60),
};

/// What the server does with the next steps and creates; afterwards it answers.
#[derive(Clone, Copy)]
pub enum Failure {
    /// It answers with this code.
    Status(Code),
    /// It answers with this code, and this reason.
    Reason(Code, &'static str),
    /// It never answers.
    Silence,
}

/// A server that fails a number of times, and keeps the steps and creates that it was asked for.
#[derive(Clone, Default)]
pub struct Server(pub Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    pub failures: Vec<Failure>,
    pub steps: Vec<v1::StepRequest>,
    pub creates: Vec<v1::CreateEpisodeRequest>,
    pub closes: Vec<String>,
    pub info: v1::GetServerInfoResponse,
}

impl Server {
    /// A server that fails so, the last failure first.
    pub async fn start(failures: &[Failure]) -> (Self, String) {
        let server = Self::default();
        server.0.lock().unwrap().failures = failures.to_vec();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = EnvironmentServiceServer::new(server.clone());
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        (server, url)
    }

    /// A server with this name and number of places.
    pub async fn start_named(name: &str, places: u64, failures: &[Failure]) -> (Self, String) {
        let (server, url) = Self::start(failures).await;
        server.0.lock().unwrap().info = v1::GetServerInfoResponse {
            server_name: name.to_owned(),
            boot_id: "first".to_owned(),
            server_limits: Some(v1::ServerLimits { max_episodes: places, ..Default::default() }),
            ..Default::default()
        };
        (server, url)
    }

    /// The ids of the creates so far.
    pub fn created(&self) -> Vec<String> {
        self.0.lock().unwrap().creates.iter().map(|create| create.episode_id.clone()).collect()
    }

    async fn fail(&self) -> Result<(), Status> {
        let failure = self.0.lock().unwrap().failures.pop();
        let (code, reason) = match failure {
            None => return Ok(()),
            Some(Failure::Silence) => std::future::pending().await,
            Some(Failure::Status(code)) => (code, None),
            Some(Failure::Reason(code, reason)) => (code, Some(reason)),
        };
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_millis(1)));
        if let Some(reason) = reason {
            details.set_error_info(reason, "runtime-gym", []);
        }
        Err(Status::with_error_details(code, "as the test asks", details))
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl EnvironmentService for Server {
    async fn step(&self, request: Request<v1::StepRequest>) -> Answer<v1::StepResponse> {
        let request = request.into_inner();
        let step_index = request.step_index;
        self.0.lock().unwrap().steps.push(request);
        self.fail().await?;
        Ok(Response::new(v1::StepResponse { step_index, ..v1::StepResponse::default() }))
    }

    async fn create_episode(
        &self,
        request: Request<v1::CreateEpisodeRequest>,
    ) -> Answer<v1::CreateEpisodeResponse> {
        let request = request.into_inner();
        let episode_id = request.episode_id.clone();
        self.0.lock().unwrap().creates.push(request);
        self.fail().await?;
        Ok(Response::new(v1::CreateEpisodeResponse { episode_id, ..v1::CreateEpisodeResponse::default() }))
    }

    /// Five tasks, two per page.
    async fn list_tasks(&self, request: Request<v1::ListTasksRequest>) -> Answer<v1::ListTasksResponse> {
        let first: usize = request.into_inner().page_token.parse().unwrap_or(0);
        let end = (first + 2).min(5);
        let task =
            |index: usize| v1::TaskSummary { task_id: index.to_string(), ..v1::TaskSummary::default() };
        Ok(Response::new(v1::ListTasksResponse {
            tasks: (first..end).map(task).collect(),
            next_page_token: if end < 5 { end.to_string() } else { String::new() },
            total_size: 5,
        }))
    }

    async fn get_server_info(
        &self,
        _: Request<v1::GetServerInfoRequest>,
    ) -> Answer<v1::GetServerInfoResponse> {
        Ok(Response::new(self.0.lock().unwrap().info.clone()))
    }

    async fn get_episode(&self, _: Request<v1::GetEpisodeRequest>) -> Answer<v1::GetEpisodeResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn close_episode(
        &self,
        request: Request<v1::CloseEpisodeRequest>,
    ) -> Answer<v1::CloseEpisodeResponse> {
        self.0.lock().unwrap().closes.push(request.into_inner().episode_id);
        Ok(Response::new(v1::CloseEpisodeResponse::default()))
    }

    type StepStreamStream = BoxStream<'static, Result<v1::StepStreamResponse, Status>>;

    /// A failure with a reason is that of its step; the stream ends with another.
    async fn step_stream(
        &self,
        request: Request<tonic::Streaming<v1::StepRequest>>,
    ) -> Answer<Self::StepStreamStream> {
        let server = self.clone();
        let answers = request.into_inner().and_then(move |step| {
            let server = server.clone();
            async move {
                let (episode_id, step_index) = (step.episode_id.clone(), step.step_index);
                server.0.lock().unwrap().steps.push(step);
                let result = match server.fail().await {
                    Ok(()) => Outcome::Response(v1::StepResponse { step_index, ..Default::default() }),
                    Err(status) => {
                        let reason = status.get_details_error_info().ok_or(status.clone())?.reason;
                        let (code, message) = (status.code().into(), status.message().to_owned());
                        Outcome::Error(v1::CallError { code, message, reason, ..Default::default() })
                    }
                };
                Ok(v1::StepStreamResponse { episode_id, result: Some(result) })
            }
        });
        Ok(Response::new(answers.boxed()))
    }

    type HostFamiliesStream = tokio_stream::Empty<Result<v1::HostFamiliesResponse, Status>>;

    async fn host_families(
        &self,
        _: Request<tonic::Streaming<v1::HostFamiliesRequest>>,
    ) -> Answer<Self::HostFamiliesStream> {
        Err(Status::unimplemented("not tested"))
    }

    async fn step_batch(&self, _: Request<v1::StepBatchRequest>) -> Answer<v1::StepBatchResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn fork_episode(
        &self,
        request: Request<v1::ForkEpisodeRequest>,
    ) -> Answer<v1::ForkEpisodeResponse> {
        let fork = |episode_id| v1::EpisodeSummary { episode_id, ..v1::EpisodeSummary::default() };
        let episodes = request.into_inner().new_episode_ids.into_iter().map(fork).collect();
        Ok(Response::new(v1::ForkEpisodeResponse { episodes }))
    }

    async fn list_episodes(&self, _: Request<v1::ListEpisodesRequest>) -> Answer<v1::ListEpisodesResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn keep_alive(&self, _: Request<v1::KeepAliveRequest>) -> Answer<v1::KeepAliveResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn export_episode(
        &self,
        _: Request<v1::ExportEpisodeRequest>,
    ) -> Answer<v1::ExportEpisodeResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn import_episode(
        &self,
        _: Request<v1::ImportEpisodeRequest>,
    ) -> Answer<v1::ImportEpisodeResponse> {
        Err(Status::unimplemented("not tested"))
    }
}
