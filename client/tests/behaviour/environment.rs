//! Calls to a server that loses answers, does not answer, or has no free place.

use std::time::Duration;

use crate::fake::{Failure, RETRY, Server};
use client::{Environment, Retry};
use proto::env::v1;
use tonic::Code;

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
    assert_eq!(server.created().len(), 21);
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
