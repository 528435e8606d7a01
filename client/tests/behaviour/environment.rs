//! Calls to a server that loses answers, does not answer, or has no free place.

use std::time::Duration;

use crate::fake::{Failure, RETRY, Server};
use client::{Environment, Retry};
use futures::future::join_all;
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

/// Sends this many steps before any is answered; their answers, and the steps that the server read.
async fn stream_of(count: u64, failures: &[Failure]) -> (Vec<Result<u64, Code>>, Vec<u64>) {
    let (server, url) = Server::start(failures).await;
    let stream = environment(&url, RETRY).await.step_stream();
    let answers = join_all((0..count).map(|index| stream.send(step(index), Duration::ZERO))).await;
    let answers =
        answers.into_iter().map(|answer| answer.map(|step| step.step_index).map_err(|status| status.code()));
    let read = server.0.lock().unwrap().steps.iter().map(|step| step.step_index).collect();
    (answers.collect(), read)
}

#[tokio::test]
async fn a_stream_that_breaks_begins_again_with_the_first_step_without_an_answer() {
    let broken = Failure::Status(Code::Unavailable);
    let (answers, read) = stream_of(3, &[broken, broken]).await;
    assert_eq!((answers, read), (vec![Ok(0), Ok(1), Ok(2)], vec![0, 0, 0, 1, 2]));
    let shuts_down = Failure::Reason(Code::Unavailable, "SHUTTING_DOWN");
    let (answers, read) = stream_of(3, &[shuts_down]).await;
    assert_eq!(answers, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!((read[0], &read[read.len() - 3..]), (0, &[0, 1, 2][..]));
}

#[tokio::test]
async fn a_step_that_fails_is_an_answer_and_the_stream_goes_on() {
    let (answers, read) = stream_of(3, &[Failure::Reason(Code::FailedPrecondition, "STEP_GAP")]).await;
    assert_eq!((answers, read), (vec![Err(Code::FailedPrecondition), Ok(1), Ok(2)], vec![0, 1, 2]));
}

#[tokio::test]
async fn streams_are_limited_as_attempts_are() {
    let (answers, read) = stream_of(1, &[Failure::Status(Code::Unavailable); 3]).await;
    assert_eq!((answers, read), (vec![Err(Code::Unavailable)], vec![0, 0, 0]));
    let (answers, read) = stream_of(1, &[Failure::Status(Code::InvalidArgument)]).await;
    assert_eq!((answers, read), (vec![Err(Code::InvalidArgument)], vec![0]));
}

#[tokio::test]
async fn a_stream_without_an_answer_in_time_begins_again() {
    let (server, url) = Server::start(&[Failure::Silence]).await;
    let retry = Retry { deadline: Duration::from_millis(50), ..RETRY };
    let stream = environment(&url, retry).await.step_stream();
    stream.send(step(0), Duration::from_millis(50)).await.unwrap();
    assert_eq!(server.0.lock().unwrap().steps.len(), 2);
}
