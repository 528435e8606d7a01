//! The rules of `env.proto` on calls that are sent again: a test for each of R1 to R9, of the same number. R10 is in `durability`.

use std::time::Duration;

use client::EnvClient;
use prost::Message as _;
use proto::env::v1::{self, Durability, EndReason, ErrorKind, InterpreterState};
use tests::{EnvServer, Stored, code_step, create_request, knapsack_task, reason, tool_step};
use tonic::{Code, Status};

/// An item of the recorded task.
const ITEM: &str = "item_02d5c78889d2";

fn named(id: &str, state: InterpreterState) -> v1::CreateEpisodeRequest {
    v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..create_request(&knapsack_task(), state) }
}

async fn create(client: &mut EnvClient, id: &str) -> v1::CreateEpisodeResponse {
    client.create_episode(named(id, InterpreterState::Persistent)).await.unwrap().into_inner()
}

async fn step(client: &mut EnvClient, id: &str, index: u64, code: &str) -> v1::StepResponse {
    client.step(code_step(id, index, code)).await.unwrap().into_inner()
}

async fn output(client: &mut EnvClient, id: &str, index: u64, code: &str) -> String {
    let observation = step(client, id, index, code).await.observation.unwrap();
    assert!(observation.success, "{code}: {}", observation.error);
    observation.output
}

async fn close(client: &mut EnvClient, id: &str) -> Result<v1::CloseEpisodeResponse, Status> {
    let request = v1::CloseEpisodeRequest { episode_id: id.to_owned() };
    Ok(client.close_episode(request).await?.into_inner())
}

async fn fork(
    client: &mut EnvClient,
    source: &str,
    id: &str,
    at_step_index: Option<u64>,
) -> Result<v1::EpisodeSummary, Status> {
    let new_episode_ids = vec![id.to_owned()];
    let request = v1::ForkEpisodeRequest { episode_id: source.to_owned(), new_episode_ids, at_step_index };
    Ok(client.fork_episode(request).await?.into_inner().episodes.remove(0))
}

async fn info(client: &mut EnvClient) -> v1::GetServerInfoResponse {
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner()
}

#[tokio::test]
async fn r1_a_step_that_was_answered_is_there_after_a_kill() {
    for durability in ["process", "sync"] {
        let mut server = Stored::start(&["--durability", durability]).await;
        create(&mut server.client().await, "a").await;
        for index in 0..6 {
            let mut client = server.client().await;
            let n = format!("n = globals().get('n', 0) + 1\nprint(n)\nlist_items()  # {index}");
            assert_eq!(output(&mut client, "a", index, &n).await, format!("{}\n", index + 1));
            server = server.killed().await;
        }
        let told = info(&mut server.client().await).await.durability();
        assert_eq!(told.as_str_name(), format!("DURABILITY_{}", durability.to_uppercase()));
    }
    let server = EnvServer::start(&[], &[]).await;
    assert_eq!(info(&mut server.client().await).await.durability(), Durability::Off);
}

#[tokio::test]
async fn r2_the_answer_to_a_step_never_changes() {
    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    create(&mut client, "a").await;
    let inspect = format!("import random\nprint(inspect('{ITEM}'), random.random())");
    let steps = [
        code_step("a", 0, &inspect),
        tool_step("a", 1, "take_item", &format!("[\"{ITEM}\"]")),
        tool_step("a", 2, "take_item", "no JSON"),
        code_step("a", 3, "def f(:"),
        code_step("a", 4, "take_item(item_name={1, 2})"),
    ];
    let mut answers = Vec::new();
    for request in &steps {
        answers.push(client.step(request.clone()).await.unwrap().into_inner().encode_to_vec());
    }
    fork(&mut client, "a", "b", None).await.unwrap();
    fork(&mut client, "a", "c", Some(3)).await.unwrap();
    let server = server.killed().await;
    let mut client = server.client().await;
    for (id, count) in [("a", 5), ("b", 5), ("c", 3)] {
        for (request, answer) in steps.iter().zip(&answers).take(count) {
            let request = v1::StepRequest { episode_id: id.to_owned(), ..request.clone() };
            assert_eq!(client.step(request).await.unwrap().into_inner().encode_to_vec(), *answer, "{id}");
        }
    }
}

#[tokio::test]
async fn r3_an_index_belongs_to_one_action_and_none_is_skipped() {
    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    create(&mut client, "a").await;
    // Nobody sees the answer.
    let slow = "import time\nfor n in range(10_000_000): pass\nprint(n)";
    let call = client.step(code_step("a", 0, slow));
    tokio::time::timeout(Duration::from_millis(5), call).await.unwrap_err();
    let mut client = server.client().await;
    let conflict = client.step(code_step("a", 0, "print('other')")).await.unwrap_err();
    assert_eq!((conflict.code(), reason(&conflict).as_str()), (Code::FailedPrecondition, "STEP_CONFLICT"));
    let server = server.killed().await;
    let mut client = server.client().await;
    let conflict = client.step(code_step("a", 0, "print('other')")).await.unwrap_err();
    assert_eq!(reason(&conflict), "STEP_CONFLICT");
    let gap = client.step(code_step("a", 2, "print(n)")).await.unwrap_err();
    assert_eq!((gap.code(), reason(&gap).as_str()), (Code::FailedPrecondition, "STEP_GAP"));
    assert_eq!(output(&mut client, "a", 0, slow).await, "9999999\n");
}

#[tokio::test]
async fn r4_a_step_without_an_answer_gives_the_observation_that_it_would_have_given() {
    let draw = "import random, time\nfor n in range(3_000_000): pass\nprint(random.random(), time.time(), list_items()[:30])";
    let undisturbed = EnvServer::start(&[], &[]).await;
    let mut client = undisturbed.client().await;
    create(&mut client, "a").await;
    let expected = [
        step(&mut client, "a", 0, draw).await.observation.unwrap(),
        step(&mut client, "a", 1, "print(random.random())").await.observation.unwrap(),
    ];
    // Killed at several moments of the step.
    for millis in [0, 2, 10, 30, 60] {
        let server = Stored::start(&[]).await;
        create(&mut server.client().await, "a").await;
        let mut client = server.client().await;
        let lost = tokio::spawn(async move { client.step(code_step("a", 0, draw)).await });
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let server = server.killed().await;
        let _ = lost.await.unwrap();
        let mut client = server.client().await;
        assert_eq!(step(&mut client, "a", 0, draw).await.observation.unwrap(), expected[0]);
        let next = step(&mut client, "a", 1, "print(random.random())").await.observation.unwrap();
        assert_eq!(next, expected[1], "killed after {millis} ms");
    }
}

#[tokio::test]
async fn r5_what_depends_on_the_machine_is_decided_once() {
    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    let limits = v1::Limits {
        wall_clock_per_step: Some(prost_types::Duration { seconds: 0, nanos: 200_000_000 }),
        ..v1::Limits::default()
    };
    let request =
        v1::CreateEpisodeRequest { limits: Some(limits), ..named("a", InterpreterState::Persistent) };
    client.create_episode(request).await.unwrap();
    step(&mut client, "a", 0, "x = 1").await;
    let endless = format!("inspect('{ITEM}')\nx = 2\nwhile True: pass");
    let stopped = step(&mut client, "a", 1, &endless).await;
    assert_eq!(stopped.observation.as_ref().unwrap().error_kind(), ErrorKind::WallClock);
    let crashed = step(&mut client, "a", 2, "x = 3\nimport os\nos._exit(3)").await;
    assert_eq!(crashed.observation.as_ref().unwrap().error_kind(), ErrorKind::Crash);

    let server = server.killed().await;
    let mut client = server.client().await;
    let started = std::time::Instant::now();
    assert_eq!(step(&mut client, "a", 1, &endless).await, stopped);
    assert_eq!(step(&mut client, "a", 2, "x = 3\nimport os\nos._exit(3)").await, crashed);
    let next = step(&mut client, "a", 3, "print(x)").await;
    assert!(started.elapsed() < Duration::from_secs(60));
    assert_eq!(next.observation.unwrap().output, "1\n", "what the killed steps did is undone");
    let info = next.info.unwrap();
    assert_eq!(info.budget_left, stopped.info.unwrap().budget_left, "the tool call stays made");
}

/// What R6 and R7 say, of a server that stores episodes or not.
async fn ids_take_effect_once(client: &mut EnvClient) {
    let created = create(client, "a").await;
    step(client, "a", 0, "x = 1").await;
    let again = create(client, "a").await;
    assert_eq!((&created.observation, created.seed), (&again.observation, again.seed));
    let forked = fork(client, "a", "b", None).await.unwrap();
    step(client, "b", 1, "x = 2").await;
    assert_eq!((forked.next_step_index, fork(client, "a", "b", None).await.unwrap().next_step_index), (1, 2));
    let other = client.create_episode(named("a", InterpreterState::Reset)).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    assert_eq!(fork(client, "a", "b", Some(0)).await.unwrap_err().code(), Code::AlreadyExists);
    close(client, "a").await.unwrap();
    close(client, "b").await.unwrap();
}

/// That the episodes of [`ids_take_effect_once`] do not begin again.
async fn closed_episodes_do_not_begin_again(client: &mut EnvClient) {
    let begun = client.create_episode(named("a", InterpreterState::Persistent)).await.unwrap_err();
    assert_eq!((begun.code(), reason(&begun).as_str()), (Code::FailedPrecondition, "EPISODE_ENDED"));
    let other = client.create_episode(named("b", InterpreterState::Reset)).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    let stepped = client.step(code_step("a", 1, "x")).await.unwrap_err();
    assert_eq!(reason(&stepped), "EPISODE_ENDED");
    create(client, "source").await;
    let forked = fork(client, "source", "b", None).await.unwrap_err();
    assert_eq!(forked.code(), Code::AlreadyExists, "another source");
}

#[tokio::test]
async fn r6_ids_take_effect_once() {
    let server = EnvServer::start(&[], &[]).await;
    ids_take_effect_once(&mut server.client().await).await;
    closed_episodes_do_not_begin_again(&mut server.client().await).await;

    let server = Stored::start(&[]).await;
    ids_take_effect_once(&mut server.client().await).await;
    let created = create(&mut server.client().await, "open").await;
    let server = server.killed().await;
    // Before anything else reads it from the store.
    assert_eq!(create(&mut server.client().await, "open").await.observation, created.observation);
    closed_episodes_do_not_begin_again(&mut server.client().await).await;
}

#[tokio::test]
async fn r7_a_close_answers_the_same() {
    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    create(&mut client, "closed").await;
    step(&mut client, "closed", 0, &format!("inspect('{ITEM}')\ntake_item('{ITEM}')")).await;
    let closed = close(&mut client, "closed").await.unwrap();
    assert_eq!((closed.end_reason(), closed.steps), (EndReason::Closed, 1));
    let lease = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let request = v1::CreateEpisodeRequest { lease, ..named("expired", InterpreterState::Persistent) };
    client.create_episode(request).await.unwrap();
    server.server().wait_for_log("lease expired").await;
    let expired = close(&mut client, "expired").await.unwrap();
    assert_eq!(expired.end_reason(), EndReason::LeaseExpired);
    create(&mut client, "finished").await;
    step(&mut client, "finished", 0, "finish()").await;
    let finished = close(&mut client, "finished").await.unwrap();

    let server = server.killed().await;
    let mut client = server.client().await;
    for (id, end) in [("closed", closed), ("expired", expired), ("finished", finished)] {
        assert_eq!(close(&mut client, id).await.unwrap(), end);
    }
    assert_eq!(close(&mut client, "nobody").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn r8_it_is_told_how_long_closed_episodes_are_remembered() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let told = info(&mut client).await;
    assert_eq!(told.closed_retention.unwrap().seconds, 24 * 60 * 60);
    assert_eq!(told.closed_remembered, 1_000_000);
    // More than are shown.
    create(&mut client, "first").await;
    let first = close(&mut client, "first").await.unwrap();
    for _ in 0..10_001 {
        let mut request = create_request(&knapsack_task(), InterpreterState::Reset);
        request.seed = Some(1);
        let id = client.create_episode(request).await.unwrap().into_inner().episode_id;
        close(&mut client, &id).await.unwrap();
    }
    let get = v1::GetEpisodeRequest { episode_id: "first".to_owned(), ..v1::GetEpisodeRequest::default() };
    assert_eq!(client.get_episode(get).await.unwrap_err().code(), Code::NotFound, "it is no more shown");
    assert_eq!(close(&mut client, "first").await.unwrap(), first);
}

#[tokio::test]
async fn r9_a_server_goes_on_with_its_episodes() {
    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    let other = EnvServer::start(&[], &[]).await;
    let mut undisturbed = other.client().await;
    let loss = v1::CreateEpisodeRequest {
        state_loss: 0.5,
        seed: Some(3),
        ..named("lossy", InterpreterState::Persistent)
    };
    let episodes = [
        named("persistent", InterpreterState::Persistent),
        named("reset", InterpreterState::Reset),
        loss,
        v1::CreateEpisodeRequest {
            semantics: v1::Semantics::Notebook.into(),
            record_definitions: true,
            ..named("notebook", InterpreterState::Persistent)
        },
    ];
    let blocks = [
        "import random, time\nitems = (n for n in range(99))\nfile = open('/tmp/x', 'a+')\nfile.write('1')",
        "n = globals().get('n', 0) + 1\nprint(n, random.random(), next(items), time.time())",
        "file.write('2'); file.seek(0); print(file.read(), list_items()[:40])",
        "x = [0] * 10**10",
        "print(sorted(globals())[:3], next(items))",
        "take_item(list_items().split()[0])",
        "for n in range(5_000_000): pass",
        "n = globals().get('n', 0) + 1\nprint(n, random.random(), next(items))",
        "finish()",
    ];
    for request in &episodes {
        client.create_episode(request.clone()).await.unwrap();
        undisturbed.create_episode(request.clone()).await.unwrap();
    }
    let boot_id = info(&mut client).await.boot_id;
    let mut server = server;
    for (index, block) in (0..).zip(blocks) {
        for request in &episodes {
            let id = &request.episode_id;
            let expected = step(&mut undisturbed, id, index, block).await;
            let mut taken = step(&mut client, id, index, block).await;
            let (mine, others) = (taken.info.as_mut().unwrap(), expected.info.clone().unwrap());
            (mine.run_time, mine.queue_time) = (others.run_time, others.queue_time);
            assert_eq!(taken, expected, "{id}, step {index}");
        }
        server = if index % 2 == 0 { server.killed().await } else { server.stopped().await };
        client = server.client().await;
        let now = info(&mut client).await;
        assert_eq!((now.boot_id, now.open_episodes), (boot_id.clone(), 4));
        let listed = client.list_episodes(v1::ListEpisodesRequest::default()).await.unwrap().into_inner();
        assert!(listed.episodes.iter().all(|episode| episode.next_step_index == index + 1), "{listed:?}");
    }
    for request in &episodes {
        let id = &request.episode_id;
        assert_eq!(close(&mut client, id).await.unwrap(), close(&mut undisturbed, id).await.unwrap());
    }
}

#[tokio::test]
async fn r9_leases_begin_again() {
    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    let lease = Some(prost_types::Duration { seconds: 2, nanos: 0 });
    let request = v1::CreateEpisodeRequest { lease, ..named("a", InterpreterState::Persistent) };
    client.create_episode(request).await.unwrap();
    let folder = server.into_folder().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let state = folder.path().join("state");
    let server = EnvServer::start(&[], &["--state-dir", state.to_str().unwrap()]).await;
    let mut client = server.client().await;
    assert_eq!(output(&mut client, "a", 0, "print(1)").await, "1\n");
    // Nobody touches it: it is closed, with its evaluation, though it was not in use.
    drop(client);
    server.wait_for_log("lease expired").await;
    let closed = close(&mut server.client().await, "a").await.unwrap();
    assert_eq!(closed.end_reason(), EndReason::LeaseExpired);
}
