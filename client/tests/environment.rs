//! Calls to a server that loses answers, does not answer, or has no free place.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions only, not what they call

use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{Environment, Retry};
use proto::env::v1;
use proto::env::v1::environment_service_server::{EnvironmentService, EnvironmentServiceServer};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Retries without the waiting.
const RETRY: Retry = Retry {
    attempts: 3,
    base: Duration::from_millis(1),
    max: Duration::from_millis(2),
    jitter: Duration::ZERO,
    deadline: Duration::from_secs(60),
};

/// What the server does with the next calls; afterwards it answers.
#[derive(Clone, Copy)]
enum Failure {
    /// It answers with this code.
    Status(Code),
    /// It never answers.
    Silence,
}

/// A server that fails a number of times, and keeps the steps and the number of creations that it was asked
/// for.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    failures: Vec<Failure>,
    steps: Vec<v1::StepRequest>,
    created: usize,
}

impl Server {
    async fn start(failures: &[Failure]) -> (Self, String) {
        let server = Self::default();
        server.0.lock().unwrap().failures = failures.to_vec();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = EnvironmentServiceServer::new(server.clone());
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming));
        (server, url)
    }

    async fn fail(&self) -> Result<(), Status> {
        let failure = self.0.lock().unwrap().failures.pop();
        match failure {
            None => Ok(()),
            Some(Failure::Silence) => std::future::pending().await,
            Some(Failure::Status(code)) => {
                let mut details = ErrorDetails::new();
                details.set_retry_info(Some(Duration::from_millis(1)));
                Err(Status::with_error_details(code, "as the test asks", details))
            }
        }
    }
}

async fn environment(url: &str, retry: Retry) -> Environment {
    Environment::new(client::connect(url).await.unwrap(), retry)
}

fn step(index: u64) -> v1::StepRequest {
    v1::StepRequest { episode_id: "e".into(), step_index: index, ..v1::StepRequest::default() }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_request() {
    let (server, url) = Server::start(&[Failure::Status(Code::Unavailable); 2]).await;
    let response = environment(&url, RETRY).await.step(step(4), Duration::ZERO).await.unwrap();
    assert_eq!(response.step_index, 4);
    assert_eq!(server.0.lock().unwrap().steps, [step(4), step(4), step(4)]);
}

#[tokio::test]
async fn attempts_are_limited_and_a_refusal_is_final() {
    for (code, attempts) in [(Code::Unavailable, 3), (Code::InvalidArgument, 1)] {
        let (server, url) = Server::start(&[Failure::Status(code); 9]).await;
        let status = environment(&url, RETRY).await.step(step(0), Duration::ZERO).await.unwrap_err();
        assert_eq!((status.code(), server.0.lock().unwrap().steps.len()), (code, attempts));
    }
}

#[tokio::test]
async fn an_attempt_without_an_answer_is_abandoned() {
    let (server, url) = Server::start(&[Failure::Silence]).await;
    let retry = Retry { deadline: Duration::from_millis(50), ..RETRY };
    environment(&url, retry).await.step(step(0), Duration::from_millis(50)).await.unwrap();
    assert_eq!(server.0.lock().unwrap().steps.len(), 2);
}

#[tokio::test]
async fn a_full_server_is_asked_more_often_than_retries_allow() {
    let (server, url) = Server::start(&[Failure::Status(Code::ResourceExhausted); 20]).await;
    environment(&url, RETRY).await.create(v1::CreateEpisodeRequest::default()).await.unwrap();
    assert_eq!(server.0.lock().unwrap().created, 21);
}

#[tokio::test]
async fn tasks_are_listed_page_by_page_up_to_the_limit() {
    let (_, url) = Server::start(&[]).await;
    let environment = environment(&url, RETRY).await;
    for (limit, expected) in [(usize::MAX, 5), (3, 3), (0, 0)] {
        let tasks = environment.tasks("set", "family", limit).await.unwrap();
        let ids: Vec<String> = tasks.into_iter().map(|task| task.task_id).collect();
        assert_eq!(ids, (0..expected).map(|index| index.to_string()).collect::<Vec<_>>());
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
        _: Request<v1::CreateEpisodeRequest>,
    ) -> Answer<v1::CreateEpisodeResponse> {
        self.0.lock().unwrap().created += 1;
        self.fail().await?;
        Ok(Response::new(v1::CreateEpisodeResponse::default()))
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
        Ok(Response::new(v1::GetServerInfoResponse::default()))
    }

    async fn get_episode(&self, _: Request<v1::GetEpisodeRequest>) -> Answer<v1::GetEpisodeResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn close_episode(&self, _: Request<v1::CloseEpisodeRequest>) -> Answer<v1::CloseEpisodeResponse> {
        Err(Status::unimplemented("not tested"))
    }

    type StepStreamStream = tokio_stream::Empty<Result<v1::StepStreamResponse, Status>>;

    async fn step_stream(
        &self,
        _: Request<tonic::Streaming<v1::StepRequest>>,
    ) -> Answer<Self::StepStreamStream> {
        Err(Status::unimplemented("not tested"))
    }

    async fn step_batch(&self, _: Request<v1::StepBatchRequest>) -> Answer<v1::StepBatchResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn fork_episode(&self, _: Request<v1::ForkEpisodeRequest>) -> Answer<v1::ForkEpisodeResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn list_episodes(&self, _: Request<v1::ListEpisodesRequest>) -> Answer<v1::ListEpisodesResponse> {
        Err(Status::unimplemented("not tested"))
    }

    async fn keep_alive(&self, _: Request<v1::KeepAliveRequest>) -> Answer<v1::KeepAliveResponse> {
        Err(Status::unimplemented("not tested"))
    }
}
