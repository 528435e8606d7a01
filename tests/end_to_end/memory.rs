//! The server's memory: nothing that clients do takes more than its budget, and small steps go on beside whoever takes all.

use std::time::Duration;

use client::EnvClient;
use proto::env::v1::create_episode_request::Task;
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Episode, code_step, create_request, knapsack_task};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const BUDGET: usize = 600 << 20;
const MIB: usize = 1 << 20;

async fn server() -> EnvServer {
    EnvServer::start(&[], &["--memory", "600MiB"]).await
}

/// Creates an episode. Where the memory is used up, it is tried again, as the server asks for.
async fn create(client: &EnvClient) -> Episode {
    let mut request = create_request(&knapsack_task(), InterpreterState::Persistent);
    request.limits = Some(v1::Limits { fuel_per_step: 2_000_000_000, ..Default::default() });
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match Episode::create(client.clone(), request.clone()).await {
            Err(status) if is_out_of_memory(&status) && Instant::now() < deadline => {
                sleep(Duration::from_millis(100)).await;
            }
            created => return created.unwrap(),
        }
    }
}

/// The most memory in bytes that the server has had (`VmHWM` of proc(5)).
fn most_taken(server: &EnvServer) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

fn is_out_of_memory(status: &Status) -> bool {
    let reason = status.get_details_error_info().map(|info| info.reason);
    status.code() == Code::ResourceExhausted && reason.as_deref() == Some("SERVER_MEMORY")
}

#[tokio::test]
async fn idle_heaps_beyond_the_budget_are_hibernated() {
    let server = server().await;
    let client = server.client().await;
    let mut episodes = Vec::new();
    for number in 0..12 {
        let mut episode = create(&client).await;
        let code = format!("heap = bytearray(b'{number:02}') * (50 << 20)");
        assert!(episode.observe(&code).await.success);
        episodes.push(episode);
    }
    for (number, episode) in episodes.iter_mut().enumerate() {
        let seen = episode.observe("print(len(heap) >> 20, heap[:2].decode())").await;
        assert_eq!(seen.output, format!("100 {number:02}\n"));
    }
    assert!(most_taken(&server) < BUDGET + BUDGET / 4, "{} MiB", most_taken(&server) / MIB);
}

#[tokio::test]
async fn copies_that_find_no_room_are_refused_together() {
    let server = server().await;
    let mut client = server.client().await;
    let mut source = create(&client).await;
    assert!(source.observe("heap = bytearray(100 << 20)").await.success);
    let new_episode_ids = vec![String::new(); 12];
    let request =
        v1::ForkEpisodeRequest { episode_id: source.id.clone(), new_episode_ids, at_step_index: None };
    let refused = client.fork_episode(request).await.unwrap_err();
    assert!(is_out_of_memory(&refused), "{refused}");
    assert_eq!(source.observe("print(len(heap) >> 20)").await.output, "100\n");
    assert!(most_taken(&server) < BUDGET + BUDGET / 4, "{} MiB", most_taken(&server) / MIB);
}

#[tokio::test]
async fn a_small_step_finds_room_beside_those_that_take_all() {
    let server = server().await;
    let client = server.client().await;
    let mut small = create(&client).await;
    let mut hogs = JoinSet::new();
    for _ in 0..8 {
        let (episode, mut client) = (create(&client).await, client.clone());
        hogs.spawn(async move {
            let code = "heap = []\nfor _ in range(200): heap.append(b'x' * (1 << 20))\nwhile True: pass";
            let mut refused = 0;
            for _ in 0..4 {
                match client.step(code_step(&episode.id, 0, code)).await {
                    Err(status) if is_out_of_memory(&status) => refused += 1,
                    other => drop(other.unwrap()),
                }
            }
            refused
        });
    }
    let mut refused = 0;
    while !hogs.is_empty() {
        assert_eq!(small.observe("print(sum(range(100)))").await.output, "4950\n");
        while let Some(hog) = hogs.try_join_next() {
            refused += hog.unwrap();
        }
    }
    assert!(refused > 0, "there was room for all");
    assert!(most_taken(&server) < BUDGET + BUDGET / 4, "{} MiB", most_taken(&server) / MIB);
}

#[tokio::test]
async fn refused_code_is_not_kept() {
    let server = server().await;
    let client = server.client().await;
    let mut episodes = Vec::new();
    for _ in 0..60 {
        let mut episode = create(&client).await;
        let seen = episode.observe(&"#".repeat(11 * MIB)).await;
        assert!(!seen.success && seen.error.contains("262144"), "{}", seen.error);
        episodes.push(episode);
    }
    assert!(episodes.len() * 11 * MIB > BUDGET, "they would not have had room");
    let (episode, mut client) = (&episodes[0], client);
    let again = |code: &str| code_step(&episode.id, 0, code);
    assert!(client.step(again(&"#".repeat(11 * MIB))).await.is_ok(), "the same code has the stored answer");
    let other = client.step(again(&"#".repeat(11 * MIB - 1))).await.unwrap_err();
    assert_eq!(other.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn many_empty_steps_are_refused_before_they_are_decoded() {
    let server = server().await;
    let client = server.client().await;
    let mut small = create(&client).await;
    let steps = |count: usize| v1::StepBatchRequest { steps: vec![v1::StepRequest::default(); count] };
    // An empty step takes 2 bytes.
    let refused = client.clone().step_batch(steps(6 * MIB - 10)).await.unwrap_err();
    assert!(is_out_of_memory(&refused), "{refused}");
    let body = format!("{{\"steps\":[{}{{}}]}}", "{},".repeat(4 * MIB - 10));
    let url = format!("{}/runtime_gym.env.v1.EnvironmentService/StepBatch", server.url);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
    let answer = request.send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("resource_exhausted") && answer.contains("SERVER_MEMORY"), "{answer}");
    assert!(most_taken(&server) < BUDGET / 2, "{} MiB", most_taken(&server) / MIB);
    // What is not too much is decoded, and said to be too many.
    let refused = client.clone().step_batch(steps(100_000)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert_eq!(small.observe("print(1)").await.output, "1\n");
}

#[tokio::test]
async fn large_tasks_are_refused_when_there_is_no_room() {
    let server = server().await;
    let mut client = server.client().await;
    let task = knapsack_task();
    let padded = format!("{task}{}", " ".repeat(4 * MIB - task.len()));
    let mut refused = None;
    for _ in 0..200 {
        let mut request = create_request(&knapsack_task(), InterpreterState::Persistent);
        request.task = Some(Task::TaskJson(padded.clone()));
        if let Err(status) = client.create_episode(request).await {
            refused = Some(status);
            break;
        }
    }
    assert!(is_out_of_memory(&refused.unwrap()));
    assert!(create(&client).await.observe("print(1)").await.success, "a small one has room");
}

#[tokio::test]
async fn many_large_answers_at_once_take_bounded_memory() {
    let server = server().await;
    let client = server.client().await;
    let mut episode = create(&client).await;
    for _ in 0..40 {
        assert!(episode.observe("print('x' * 60_000)").await.success);
    }
    let mut calls = Vec::new();
    for _ in 0..20 {
        let mut client = server.client().await;
        for _ in 0..50 {
            let mut request = v1::GetEpisodeRequest { episode_id: episode.id.clone(), ..Default::default() };
            request.include_steps = true;
            let mut client = client.clone();
            calls.push(tokio::spawn(async move { client.get_episode(request).await }));
        }
        let _ = client.get_server_info(v1::GetServerInfoRequest {}).await;
    }
    assert!(create(&client).await.observe("print(1)").await.success);
    for call in calls {
        let answer = call.await.unwrap();
        assert!(
            answer.as_ref().err().is_none_or(|status| status.code() == Code::ResourceExhausted),
            "{answer:?}"
        );
    }
    assert!(most_taken(&server) < BUDGET + BUDGET / 4, "{} MiB", most_taken(&server) / MIB);
}
