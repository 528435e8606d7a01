//! Steps side by side: none waits for long ones, and what is stopped leaves nothing behind.

use std::time::Duration;

use client::EnvClient;
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Episode, code_step, create_request, knapsack_task};
use tokio::task::JoinHandle;
use tonic::{Code, Status};

type Call = JoinHandle<Result<v1::StepResponse, Status>>;

async fn create(client: &EnvClient) -> Episode {
    Episode::create(client.clone(), create_request(&knapsack_task(), InterpreterState::Persistent))
        .await
        .unwrap()
}

/// Begins a step without an end, and gives it time to run.
async fn endless(client: &EnvClient, episode: &Episode) -> Call {
    let (mut client, step) = (client.clone(), code_step(&episode.id, episode.next, "while True: pass"));
    let call = tokio::spawn(async move { Ok(client.step(step).await?.into_inner()) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    call
}

#[tokio::test]
async fn short_steps_do_not_wait_for_endless_ones() {
    let server = EnvServer::start(&[], &["--workers", "1"]).await;
    let client = server.client().await;
    let mut busy = Vec::new();
    for _ in 0..8 {
        let episode = create(&client).await;
        let call = endless(&client, &episode).await;
        busy.push((episode, call));
    }
    let mut short = create(&client).await;
    for number in 0..20 {
        assert_eq!(short.observe(&format!("print({number})")).await.output, format!("{number}\n"));
    }
    let is_busy = busy.iter().filter(|(_, call)| !call.is_finished()).count();
    assert_eq!(is_busy, 8, "the endless steps run meanwhile");
    // A close stops them.
    for (mut episode, call) in busy {
        episode.close().await;
        let status = call.await.unwrap().unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{}", status.message());
        assert!(status.message().contains("closed"), "{}", status.message());
    }
}

#[tokio::test]
async fn what_is_known_already_is_told_while_a_step_runs() {
    let server = EnvServer::start(&[], &["--workers", "1"]).await;
    let mut client = server.client().await;
    let mut episode = create(&client).await;
    let first = episode.run("x = 1\nprint(x)").await;
    let call = endless(&client, &episode).await;
    let again = client.step(code_step(&episode.id, 0, "x = 1\nprint(x)")).await.unwrap().into_inner();
    assert_eq!(again, first);
    let request = v1::GetEpisodeRequest {
        episode_id: episode.id.clone(),
        include_steps: true,
        ..v1::GetEpisodeRequest::default()
    };
    let told = client.get_episode(request).await.unwrap().into_inner();
    assert_eq!((told.episode.unwrap().next_step_index, told.steps.len()), (1, 1));
    assert!(!call.is_finished());
    episode.close().await;
    assert!(call.await.unwrap().is_err());
}

/// The step's calls of tools are undone with it.
#[tokio::test]
async fn a_step_that_its_deadline_stops_leaves_the_episode_as_it_was() {
    let server = EnvServer::start(&[], &[]).await;
    let client = server.client().await;
    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let request = create_request(&knapsack_task(), state);
        let mut episode = Episode::create(client.clone(), request).await.unwrap();
        let before = episode.run("ids = json.loads(list_items())\nx = inspect(ids[0])\nprint(x)").await;
        let code = "ids = json.loads(list_items())\ninspect(ids[1])\nx = 2\nopen('f', 'w').write('x')\nwhile True: pass";
        let mut step = tonic::Request::new(code_step(&episode.id, episode.next, code));
        step.set_timeout(Duration::from_millis(200));
        let status = client.clone().step(step).await.unwrap_err();
        // The server says so, or the client's own clock is faster.
        assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status}");
        // Another action may take its index, as nothing was done under it.
        let after = episode.run("import os\nprint(globals().get('x'), os.path.exists('f'))").await;
        let output = after.observation.unwrap().output;
        let x = if state == InterpreterState::Persistent {
            before.observation.unwrap().output
        } else {
            "None".into()
        };
        assert_eq!(output.trim_end(), format!("{} False", x.trim_end()));
        assert_eq!(after.info.unwrap().budget_left, before.info.unwrap().budget_left);
    }
}

#[tokio::test]
async fn an_ended_episode_gives_its_place_back_without_a_close() {
    let server = EnvServer::start(&[], &["--max-episodes", "2"]).await;
    let client = server.client().await;
    let mut first = create(&client).await;
    let end = first.run("finish()").await.evaluation;
    for _ in 0..30 {
        let mut episode = create(&client).await;
        assert!(episode.run("finish()").await.terminated);
    }
    assert_eq!(first.close().await.evaluation, end, "it is remembered");
    // Running ones keep theirs.
    let _running = (create(&client).await, create(&client).await);
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let status = Episode::create(client, request).await.err().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn copies_of_one_request_stand_where_the_source_stood() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let mut source = create(&client).await;
    source.run("x = list(range(50_000))").await;
    let id = source.id.clone();
    let steps = tokio::spawn(async move {
        for _ in 0..200 {
            source.run("x.append(1)").await;
        }
    });
    let new_episode_ids = (0..20).map(|number| format!("copy-{number}")).collect();
    let request = v1::ForkEpisodeRequest { episode_id: id, new_episode_ids, at_step_index: None };
    let copies = client.fork_episode(request).await.unwrap().into_inner().episodes;
    let mut at: Vec<u64> = copies.iter().map(|copy| copy.next_step_index).collect();
    at.dedup();
    assert_eq!((copies.len(), at.len()), (20, 1), "{at:?}");
    steps.await.unwrap();
}
