//! Several servers as one: where episodes begin, and that each begins once.

use std::time::Duration;

use crate::fake::{Failure, Server};
use client::{Environments, Retry};
use futures::future::join_all;
use proto::env::v1;
use tonic::Code;

/// A server that does not answer is noticed soon.
const RETRY: Retry = Retry { deadline: Duration::from_millis(200), ..crate::fake::RETRY };

const NO_ROOM: Failure = Failure::Reason(Code::ResourceExhausted, "SERVER_FULL");
const LOST: Failure = Failure::Status(Code::Unavailable);

/// The server `a`, which has the most places and so is asked first, and fails so; and the server `b`.
async fn two(failures: &[Failure]) -> (Server, Server, Environments) {
    let (a, a_url) = Server::start_named("a", 1_000, failures).await;
    let (b, b_url) = Server::start_named("b", 10, &[]).await;
    (a, b, Environments::connect(&[a_url, b_url], RETRY).await.unwrap())
}

fn request(id: &str) -> v1::CreateEpisodeRequest {
    v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..v1::CreateEpisodeRequest::default() }
}

fn step(episode_id: &str) -> v1::StepRequest {
    v1::StepRequest { episode_id: episode_id.to_owned(), ..v1::StepRequest::default() }
}

#[tokio::test]
async fn later_calls_go_where_the_episode_is() {
    let (a, b, environments) = two(&[]).await;
    assert_eq!(environments.create(request("x")).await.unwrap().episode_id, "a.x");
    let forks = environments.fork("a.x", &["y".to_owned()], None).await.unwrap();
    assert_eq!(forks[0].episode_id, "a.y");
    for id in ["a.x", "b.of-another-client", "a.y"] {
        environments.step(step(id), Duration::ZERO).await.unwrap();
        environments.close(id).await.unwrap();
    }
    assert_eq!(a.0.lock().unwrap().steps, [step("a.x"), step("a.y")]);
    assert_eq!(b.0.lock().unwrap().steps, [step("b.of-another-client")]);
    assert_eq!(a.0.lock().unwrap().closes, ["a.x", "a.y"]);
    for id in ["c.x", "x", ""] {
        let error = environments.step(step(id), Duration::ZERO).await.unwrap_err();
        assert_eq!(error.status.code(), Code::NotFound);
        for part in ["`a` at http://", "`b` at http://", &format!("`{id}`")] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}

#[tokio::test]
async fn servers_without_names_keep_their_episodes_too() {
    let (a, a_url) = Server::start_named("", 20, &[]).await;
    let (b, b_url) = Server::start_named("", 20, &[]).await;
    let environments = Environments::connect(&[a_url, b_url], RETRY).await.unwrap();
    let ids: Vec<String> = (0..20).map(|index| format!("server.x{index}")).collect();
    for id in &ids {
        assert_eq!(environments.create(request(id)).await.unwrap().episode_id, *id);
    }
    for id in &ids {
        environments.step(step(id), Duration::ZERO).await.unwrap();
    }
    for server in [&a, &b] {
        let stepped: Vec<_> =
            server.0.lock().unwrap().steps.iter().map(|step| step.episode_id.clone()).collect();
        assert_eq!(server.created(), stepped);
        assert_eq!(stepped.len(), 10, "two servers with the same free places take turns");
    }
    let error = environments.step(step("unknown"), Duration::ZERO).await.unwrap_err();
    assert_eq!(error.status.code(), Code::NotFound, "this client has not created it");
}

#[tokio::test]
async fn a_full_server_is_passed_by_before_anything_is_waited_for() {
    let (a, b, environments) = two(&[NO_ROOM]).await;
    for (id, full_id) in [("x", "b.x"), ("y", "b.y")] {
        assert_eq!(environments.create(request(id)).await.unwrap().episode_id, full_id);
    }
    assert_eq!(a.created(), ["a.x"], "it is not asked again at once");
    assert_eq!(b.created(), ["b.x", "b.y"]);
}

#[tokio::test]
async fn if_all_are_full_they_are_asked_again_more_often_than_retries_allow() {
    let (a, b, environments) = two(&[NO_ROOM; 20]).await;
    b.0.lock().unwrap().failures = vec![NO_ROOM; 20];
    environments.create(request("x")).await.unwrap();
    let [a, b] = [a, b].map(|server| server.created().len());
    assert!(a + b > 20 && a.abs_diff(b) <= 1, "{a} {b}");
}

#[tokio::test]
async fn a_create_that_may_have_arrived_is_repeated_where_it_was() {
    // The answer is lost; the server has no room; then it answers.
    for failures in [vec![LOST], vec![Failure::Silence], vec![LOST, LOST], vec![NO_ROOM, NO_ROOM, LOST]] {
        let (a, b, environments) = two(&failures).await;
        assert_eq!(environments.create(request("x")).await.unwrap().episode_id, "a.x");
        let creates = a.0.lock().unwrap().creates.clone();
        assert_eq!(creates.len(), failures.len() + 1);
        assert!(creates.iter().all(|create| *create == creates[0]), "{creates:?}");
        assert_eq!(creates[0].boot_id, "first");
        assert!(b.created().is_empty());
    }
}

#[tokio::test]
async fn a_server_is_given_up_after_as_many_attempts_as_retries_allow() {
    for failure in [LOST, Failure::Silence] {
        let (a, b, environments) = two(&[failure; 9]).await;
        assert_eq!(environments.create(request("x")).await.unwrap().episode_id, "b.x");
        assert_eq!(a.created(), ["a.x"; 3]);
        // It rests.
        assert_eq!(environments.create(request("y")).await.unwrap().episode_id, "b.y");
        assert_eq!((a.created().len(), b.created().len()), (3, 2));
    }
}

#[tokio::test]
async fn a_server_that_has_not_created_it_for_certain_is_left_at_once() {
    let (a, b, environments) = two(&[Failure::Reason(Code::Unavailable, "SHUTTING_DOWN")]).await;
    assert_eq!(environments.create(request("x")).await.unwrap().episode_id, "b.x");
    assert_eq!((a.created(), b.created()), (vec!["a.x".to_owned()], vec!["b.x".to_owned()]));
}

#[tokio::test]
async fn a_server_that_has_restarted_has_lost_what_it_may_have_created() {
    let restarted = Failure::Reason(Code::FailedPrecondition, "SERVER_RESTARTED");
    let (a, b, environments) = two(&[restarted, LOST]).await;
    a.0.lock().unwrap().info.boot_id = "second".to_owned();
    assert_eq!(environments.create(request("x")).await.unwrap().episode_id, "a.x");
    let runs: Vec<_> = a.0.lock().unwrap().creates.iter().map(|create| create.boot_id.clone()).collect();
    assert_eq!(runs, ["first", "first", "second"]);
    assert!(b.created().is_empty());

    let (_, b, environments) = two(&[restarted]).await;
    let named = v1::CreateEpisodeRequest { boot_id: "mine".to_owned(), ..request("x") };
    let error = environments.create(named).await.unwrap_err();
    assert_eq!(error.status.code(), Code::FailedPrecondition, "the caller decides: {error}");
    assert!(b.created().is_empty());
}

#[tokio::test]
async fn what_another_server_would_refuse_too_is_an_error() {
    let (_, b, environments) = two(&[Failure::Status(Code::InvalidArgument)]).await;
    let error = environments.create(request("x")).await.unwrap_err();
    assert_eq!(error.status.code(), Code::InvalidArgument);
    assert!(error.to_string().contains("the server `a` at http://127.0.0.1:"), "{error}");
    assert!(b.created().is_empty());
}

#[tokio::test]
async fn a_dropped_create_can_be_abandoned() {
    let (a, _, environments) = two(&[Failure::Silence]).await;
    let create = tokio::time::timeout(Duration::from_millis(50), environments.create(request("x")));
    assert!(create.await.is_err());
    assert!(environments.abandon("x").await.unwrap());
    assert_eq!(a.0.lock().unwrap().closes, ["a.x"]);
    assert!(!environments.abandon("x").await.unwrap(), "it is closed");
    environments.create(request("y")).await.unwrap();
    assert!(!environments.abandon("y").await.unwrap(), "it has an answer");
}

#[tokio::test]
async fn names_tell_the_servers_apart() {
    let (_, one) = Server::start_named("same", 1, &[]).await;
    let (_, other) = Server::start_named("same", 1, &[]).await;
    let (_, unnamed) = Server::start(&[]).await;
    let connect = async |urls: &[&String]| {
        let urls: Vec<String> = urls.iter().map(|url| (*url).clone()).collect();
        Environments::connect(&urls, RETRY).await.map(drop).map_err(|error| error.to_string())
    };
    for (urls, parts) in [
        ([&one, &other], ["`same`", "--server-name"]),
        ([&one, &unnamed], ["has none", "--server-name"]),
        ([&unnamed, &one], ["has none", "--server-name"]),
    ] {
        let error = connect(&urls).await.unwrap_err();
        for part in parts.into_iter().chain(urls.map(String::as_str)) {
            assert!(error.contains(part), "{part} in {error}");
        }
    }
    assert!(connect(&[]).await.is_err());
    connect(&[&one]).await.unwrap();
    let nobody = "http://127.0.0.1:1".to_owned();
    assert!(connect(&[&one, &nobody]).await.unwrap_err().contains(&nobody));
}

#[tokio::test]
async fn free_places_are_those_that_servers_tell_less_what_was_placed_since() {
    let (a, a_url) = Server::start_named("a", 30, &[]).await;
    let (b, b_url) = Server::start_named("b", 20, &[]).await;
    let environments = Environments::connect(&[a_url, b_url], RETRY).await.unwrap();
    for index in 0..40 {
        environments.create(request(&format!("x{index}"))).await.unwrap();
    }
    let [on_a, on_b] = [&a, &b].map(|server| server.created().len());
    assert!((24..=26).contains(&on_a) && on_a + on_b == 40, "five places are left on each: {on_a} {on_b}");
    // Another client has taken all places of one.
    a.0.lock().unwrap().info.running_episodes = 30;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for index in 40..45 {
        environments.create(request(&format!("x{index}"))).await.unwrap();
    }
    assert_eq!((a.created().len(), b.created().len()), (on_a, on_b + 5));
}

#[tokio::test]
async fn each_server_has_a_stream_of_its_own() {
    let (a, b, environments) = two(&[]).await;
    let mut streams = environments.step_streams();
    let answers = ["a.x", "b.y", "a.z"].map(|id| streams.send(step(id), Duration::ZERO));
    join_all(answers).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    assert_eq!(a.0.lock().unwrap().steps, [step("a.x"), step("a.z")]);
    assert_eq!(b.0.lock().unwrap().steps, [step("b.y")]);
    let error = streams.send(step("c.x"), Duration::ZERO).await.unwrap_err();
    assert_eq!(error.status.code(), Code::NotFound);
}
