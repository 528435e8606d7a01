//! A server's life: info, health, reflection, capacity, leases, shutdown.

use std::time::Duration;

use client::{Environment, Retry};
use lifecycle::child;
use proto::env::v1::{self, EndReason, InterpreterState};
use tests::{EnvServer, Episode, code_step, create_request, fixtures, knapsack_task, program};
use tokio::process::Command;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const SERVICE: &str = "runtime_gym.env.v1.EnvironmentService";

/// In the log after a step's call of `list_items`, which tells that the step is under way.
const TOOL_CALL: &str = "tool_call{tool=list_items}";
/// In the log at the end of an episode's first step. (Before that, the step is named with what runs in it.)
const STEP_ENDED: &str = "step_index=0}: ";

#[tokio::test]
async fn it_says_what_it_is_and_how_it_has_been_doing() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(client.clone(), request).await.unwrap();
    episode.run("pass").await;
    episode.run("pass").await;
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert!(info.python_version.starts_with("3.14"), "{}", info.python_version);
    assert_eq!(info.interpreter_sha256.len(), 64);
    assert_eq!((info.open_episodes, info.episodes_created, info.steps_run), (1, 1, 2));
    assert_eq!(info.families, ["knapsack", "navigation", "rule_diagnosis"]);
    let step = info.latencies.iter().find(|latency| latency.name == "Step").unwrap();
    assert_eq!(step.count, 2);
    assert!(step.p50_us > 0 && step.max_us >= step.p99_us, "{step:?}");
}

#[tokio::test]
async fn health_and_reflection_answer() {
    let server = EnvServer::start(&[], &[]).await;
    let channel =
        tonic::transport::Endpoint::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    let check = HealthCheckRequest { service: SERVICE.to_owned() };
    let health = HealthClient::new(channel.clone()).check(check).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);

    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(list))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let mut names: Vec<&str> = services.service.iter().map(|service| service.name.as_str()).collect();
    names.sort_unstable();
    let wanted = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", SERVICE];
    assert_eq!(names, wanted, "what is served, and nothing else");
}

#[tokio::test]
async fn a_full_server_says_so_and_has_room_again() {
    let server = EnvServer::start(&[], &["--max-episodes", "2"]).await;
    let request = || create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut first = Episode::create(server.client().await, request()).await.unwrap();
    let mut second = Episode::create(server.client().await, request()).await.unwrap();
    first.run("x = 1").await;
    second.run("x = 2").await;
    let status = Episode::create(server.client().await, request()).await.err().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    first.close().await;
    let mut third = Episode::create(server.client().await, request()).await.unwrap();
    assert_eq!(third.observe("x = 3\nprint(x)").await.output, "3\n");
    assert_eq!(second.observe("print(x)").await.output, "2\n");
}

#[tokio::test]
async fn an_untouched_episode_expires_and_says_why() {
    let server = EnvServer::start(&[], &["--max-episodes", "1"]).await;
    let mut client = server.client().await;
    let request = v1::CreateEpisodeRequest {
        lease: Some(prost_types::Duration { seconds: 2, nanos: 0 }),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    };
    let created = client.create_episode(request.clone()).await.unwrap().into_inner();
    assert!(created.lease.unwrap().expires_at.is_some());
    // The only slot is free again once the lease has run out, and not before.
    let status = Episode::create(client.clone(), request.clone()).await.err().unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    server.wait_for_log("lease expired").await;
    let mut second = Episode::create(client.clone(), request.clone()).await.unwrap();
    second.close().await;
    let get = v1::GetEpisodeRequest { episode_id: created.episode_id, ..Default::default() };
    let expired = client.get_episode(get).await.unwrap().into_inner().episode.unwrap();
    assert_eq!((expired.ended, expired.end_reason()), (true, EndReason::LeaseExpired));
}

#[tokio::test]
async fn a_step_longer_than_the_lease_keeps_its_episode() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = v1::CreateEpisodeRequest {
        lease: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    };
    let id = client.create_episode(request).await.unwrap().into_inner().episode_id;
    let code = "list_items()\nfor _ in range(2): n = sum(range(20_000_000))\nprint('done')";
    let slow = code_step(&id, 0, code);
    // The caller goes away while the step runs, and comes back for its answer.
    let (mut vanishing, abandoned) = (server.client().await, slow.clone());
    let call = tokio::spawn(async move { vanishing.step(abandoned).await });
    server.wait_for_log(TOOL_CALL).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled(), "the step ended before its caller went away");
    let answer = client.step(slow).await.unwrap().into_inner();
    assert_eq!(answer.observation.unwrap().output, "done\n");
    // It was the abandoned step that outlasted the lease, and the search for expired leases that runs each second.
    let run_time = Duration::try_from(answer.info.unwrap().run_time.unwrap()).unwrap();
    assert!(run_time > Duration::from_secs(2), "the step took only {run_time:?}");
    assert_eq!(server.log().matches(TOOL_CALL).count(), 1, "the step ran once");
}

#[tokio::test]
async fn tasks_are_listed_page_by_page() {
    // The recorded task files, laid out as a task set.
    let root = tempfile::tempdir().unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(fixtures("tasks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(name) = name.strip_prefix("easy-") else { continue };
        let family = name.split('-').next().unwrap();
        let folder = root.path().join("tasks").join(family);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(&path, folder.join(name)).unwrap();
        count += 1;
    }
    let server = EnvServer::start(&[root.path()], &[]).await;
    let mut client = server.client().await;
    let mut ids = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListTasksRequest { page_size: 4, page_token, ..Default::default() };
        let page = client.list_tasks(request).await.unwrap().into_inner();
        assert_eq!(page.total_size, count);
        ids.extend(page.tasks.into_iter().map(|task| task.task_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(ids.len() as u64, count);
    // Every task that the paper's own system wrote can be played.
    for task_id in ids {
        let request = v1::CreateEpisodeRequest {
            task: Some(v1::create_episode_request::Task::TaskRef(v1::TaskRef {
                set: String::new(),
                task_id,
            })),
            interpreter_state: InterpreterState::Persistent.into(),
            ..Default::default()
        };
        let mut episode = Episode::create(client.clone(), request).await.unwrap();
        assert!(episode.run("finish()").await.terminated);
    }
}

#[tokio::test]
async fn it_shuts_down_when_asked() {
    let mut server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    let pid = server.pid().to_string();
    let code = "list_items()\nfor _ in range(5): total = sum(range(2_000_000))\nprint(total)";
    let step = tokio::spawn(async move { episode.observe(code).await });
    server.wait_for_log(TOOL_CALL).await;
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    // A step under way still gets its answer.
    assert_eq!(step.await.unwrap().output, "1999999000000\n");
    assert!(server.wait().await.success());
    // It was under way when the server began to shut down, and the server waited for its end.
    let log = server.log();
    let place = |text| log.find(text).unwrap_or_else(|| panic!("{text:?} is not in the log:\n{log}"));
    assert!(place("shutting down") < place(STEP_ENDED), "the step ended too early:\n{log}");
}

#[tokio::test]
async fn episodes_end_with_their_server_and_can_be_read_meanwhile() {
    let mut server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut idle = Episode::create(client.clone(), request.clone()).await.unwrap();
    idle.run("x = 1").await;
    let mut busy = Episode::create(client.clone(), request.clone()).await.unwrap();
    let (busy_id, code) = (busy.id.clone(), "list_items()\nfor _ in range(5): total = sum(range(2_000_000))");
    let step = tokio::spawn(async move { busy.run(code).await });
    server.wait_for_log(TOOL_CALL).await;
    let pid = server.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    server.wait_for_log("shutting down").await;

    let refused = Episode::create(client.clone(), request).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(step.await.unwrap().observation.unwrap().success, "the running step came to its end");
    for (id, steps) in [(idle.id, 1), (busy_id, 1)] {
        let refused = client.step(code_step(&id, steps, "pass")).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
        assert!(refused.message().contains("shutdown"), "{refused:?}");
        let get = v1::GetEpisodeRequest { episode_id: id, ..v1::GetEpisodeRequest::default() };
        let told = client.get_episode(get).await.unwrap().into_inner();
        assert!(told.evaluation.is_some());
        let told = told.episode.unwrap();
        assert_eq!((told.end_reason(), told.next_step_index), (EndReason::Shutdown, steps));
    }
    assert!(server.wait().await.success());
}

#[tokio::test]
async fn a_create_is_never_silently_a_second_run() {
    let folder = tempfile::tempdir().unwrap();
    // A server that starts again has the same address.
    let address = format!("unix:{}", folder.path().join("gym.sock").display());
    let start = async || {
        let mut command = Command::new(program("env-server"));
        command.arg("serve");
        child::Server::start_on("environment server", command, &address, &folder.path().join("log"))
            .await
            .unwrap()
    };
    let first = start().await;
    let mut raw = client::connect(&address).await.unwrap();
    let environment = Environment::new(raw.clone(), Retry::default());
    let boot_id = environment.info().await.unwrap().boot_id;
    let request = v1::CreateEpisodeRequest {
        episode_id: "mine".to_owned(),
        boot_id: boot_id.clone(),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    };
    let created = raw.create_episode(request.clone()).await.unwrap().into_inner();
    let unnamed = v1::CreateEpisodeRequest { boot_id: String::new(), ..request.clone() };
    assert_eq!(raw.create_episode(unnamed.clone()).await.unwrap().into_inner().seed, created.seed);
    first.stop().await.unwrap();

    let second = start().await;
    let refused = raw.create_episode(request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    assert_eq!(client::reason(&refused).as_deref(), Some("SERVER_RESTARTED"));
    let also_refused = environment.create(request).await.unwrap_err();
    assert_eq!(client::reason(&also_refused).as_deref(), Some("SERVER_RESTARTED"), "the caller named it");
    // Our client names the run itself, and begins anew.
    environment.create(unnamed).await.unwrap();
    assert_ne!(environment.info().await.unwrap().boot_id, boot_id);
    assert!(second.stop().await.unwrap().success());
}

#[tokio::test]
async fn it_ends_with_its_parent() {
    let server = EnvServer::start(&[], &[]).await;
    assert!(server.stop().await.success());
}
