//! Several environment servers, whose episodes' ids say where they are; and clients that use them as one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use client::{Environments, Retry, connect};
use files::read_json;
use lifecycle::child::Server;
use proto::env::v1::{self, InterpreterState};
use proto::run::{EpisodeResult, Layout};
use proto::trace::Trace;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tests::{EnvServer, Episode, Guarded, code_step, create_request, knapsack_task, program, tiny_tasks};
use tokio::process::{Child, Command};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const STATE: InterpreterState = InterpreterState::Persistent;

/// A request for an episode with this id.
fn request(episode_id: &str) -> v1::CreateEpisodeRequest {
    v1::CreateEpisodeRequest { episode_id: episode_id.to_owned(), ..create_request(&knapsack_task(), STATE) }
}

/// The servers of a call that went to the wrong one: the right one, and this one.
fn wrong_server(status: &Status) -> (String, String) {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, "WRONG_SERVER");
    let [server, this_server] = ["server", "this_server"].map(|key| info.metadata[key].clone());
    for name in [&server, &this_server] {
        assert!(status.message().contains(&format!("`{name}`")), "{status}");
    }
    (server, this_server)
}

#[tokio::test]
async fn ids_begin_with_the_name_of_their_server() {
    let server = EnvServer::start(&[], &["--server-name", "one", "--max-episodes", "5"]).await;
    let mut client = server.client().await;
    let chosen = Episode::create(client.clone(), request("")).await.unwrap();
    assert!(chosen.id.starts_with("one.") && chosen.id.len() > 30, "{}", chosen.id);
    let mut mine = Episode::create(client.clone(), request("one.mine")).await.unwrap();
    assert_eq!(mine.id, "one.mine");
    assert!(mine.run("x = 1").await.observation.unwrap().success);
    let new_ids = |ids: &[&str]| v1::ForkEpisodeRequest {
        episode_id: "one.mine".to_owned(),
        new_episode_ids: ids.iter().map(|&id| id.to_owned()).collect(),
        at_step_index: None,
    };
    let forks = client.fork_episode(new_ids(&["", "one.fork"])).await.unwrap().into_inner().episodes;
    assert!(forks[0].episode_id.starts_with("one."), "{forks:?}");
    assert_eq!(forks[1].episode_id, "one.fork");

    for bad in ["mine", "one.", "one", ".mine", "One.mine"] {
        for (field, status) in [
            ("episode_id", client.create_episode(request(bad)).await.unwrap_err()),
            ("new_episode_ids[1]", client.fork_episode(new_ids(&["", bad])).await.unwrap_err()),
        ] {
            assert_eq!(status.code(), Code::InvalidArgument, "{bad}: {status}");
            assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, field);
            assert!(status.message().contains("`one.REST`"), "{bad}: {status}");
        }
        let status = client.step(code_step(bad, 0, "")).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{bad}: {status}");
    }
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((&*info.server_name, info.running_episodes), ("one", 4));
    mine.close().await;
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.running_episodes, 3, "a closed episode takes no place");
}

#[tokio::test]
async fn the_wrong_server_names_the_right_one() {
    // Whose episode it is does not matter.
    let guarded = Guarded::start_logging("warn", "", &["--server-name", "one"]).await;
    let mut client = guarded.client("red").await;
    Episode::create(client.clone(), request("one.x")).await.unwrap();
    let id = || "two.x".to_owned();
    let fork = |episode_id: &str, new_id: &str| v1::ForkEpisodeRequest {
        episode_id: episode_id.to_owned(),
        new_episode_ids: vec![new_id.to_owned()],
        at_step_index: None,
    };
    let answers = [
        client.create_episode(request("two.x")).await.map(drop),
        client.step(code_step("two.x", 0, "x = 1")).await.map(drop),
        client.get_episode(v1::GetEpisodeRequest { episode_id: id(), ..Default::default() }).await.map(drop),
        client.close_episode(v1::CloseEpisodeRequest { episode_id: id() }).await.map(drop),
        client.fork_episode(fork("two.x", "one.y")).await.map(drop),
        client.fork_episode(fork("one.x", "two.y")).await.map(drop),
    ];
    for answer in answers {
        assert_eq!(wrong_server(&answer.unwrap_err()), ("two".to_owned(), "one".to_owned()));
    }
    let batch = v1::StepBatchRequest { steps: vec![code_step("two.x", 0, ""), code_step("one.x", 0, "")] };
    let results = client.step_batch(batch).await.unwrap().into_inner().results;
    let Some(v1::step_stream_response::Result::Error(error)) = &results[0].result else { panic!("a step") };
    assert_eq!((error.code, &*error.reason), (i32::from(Code::FailedPrecondition), "WRONG_SERVER"));
    assert!(error.message.contains("`two`"), "{error:?}");
    assert!(matches!(results[1].result, Some(v1::step_stream_response::Result::Response(_))));
    let renew = v1::KeepAliveRequest { episode_ids: vec![id(), "one.x".to_owned()] };
    assert_eq!(client.keep_alive(renew).await.unwrap().into_inner().unknown_episode_ids, ["two.x"]);
}

#[tokio::test]
async fn without_a_name_ids_are_free() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    for id in ["mine", "two.x", "One.x", "."] {
        assert_eq!(Episode::create(client.clone(), request(id)).await.unwrap().id, id);
    }
    assert_eq!(client.step(code_step("three.x", 0, "")).await.unwrap_err().code(), Code::NotFound);
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((&*info.server_name, info.running_episodes), ("", 4));
}

/// The names of the three servers.
const NAMES: [&str; 3] = ["one", "two", "three"];

/// Retries that give up soon.
const IMPATIENT: Retry = Retry {
    attempts: 3,
    base: Duration::from_millis(10),
    max: Duration::from_millis(20),
    jitter: Duration::ZERO,
    deadline: Duration::from_secs(30),
};

/// Three servers with these tasks and arguments.
async fn three(tasks: &[&Path], arguments: &[&str]) -> [EnvServer; 3] {
    let start = |name| async move {
        EnvServer::start_logging("warn", tasks, &[&["--server-name", name], arguments].concat()).await
    };
    let (one, two, three) = tokio::join!(start(NAMES[0]), start(NAMES[1]), start(NAMES[2]));
    [one, two, three]
}

async fn info(server: &EnvServer) -> v1::GetServerInfoResponse {
    server.client().await.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner()
}

/// Waits until a run on this server is in its midst.
async fn amid(url: &str) {
    let mut client = connect(url).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
        if info.steps_run >= 40 && info.running_episodes >= 2 {
            return;
        }
        assert!(Instant::now() < deadline, "the run has not come far");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn kill(server: &EnvServer) {
    let process = Pid::from_raw(server.pid().try_into().unwrap()).unwrap();
    kill_process(process, Signal::KILL).unwrap();
}

/// `agent run` of this many episodes on the servers, which the config names.
fn agent(folder: &Path, servers: &[EnvServer], episodes: usize) -> Child {
    agent_on(folder, &servers.iter().map(|server| &*server.url).collect::<Vec<_>>(), episodes)
}

fn agent_on(folder: &Path, urls: &[&str], episodes: usize) -> Child {
    let config = json!({
        "output_dir": folder, "run_name": "r", "task_families": ["knapsack"], "max_concurrent_runs": 8, "env": urls,
        "agents": [{
            "name": "a", "agent_type": "codeact", "persistent_state": true, "llm": { "model": "persistent-habit" },
        }],
    });
    let path = folder.join("config.yaml");
    std::fs::write(&path, config.to_string()).unwrap();
    let mut agent = Command::new(program("agent"));
    agent.args(["run", "--max-examples", &episodes.to_string(), "--config"]).arg(path);
    agent.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// What a run said, and the traces of its episodes, each of which was evaluated.
fn played(folder: &Path, output: &Output, episodes: usize) -> (String, Vec<Trace>) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let layout = Layout::new(folder, "r");
    let trace = |task: usize| {
        let task = format!("knapsack-{task:010}");
        let result: EpisodeResult = read_json(&layout.result("a", "knapsack", &task)).unwrap();
        assert!(result.result.is_some(), "{task}: {:?}", result.error);
        read_json(&layout.trace("a", "knapsack", &task)).unwrap()
    };
    (said, (0..episodes).map(trace).collect())
}

/// The server that an episode's id names in its trace.
fn server_of(trace: &Trace) -> &str {
    trace.provenance.as_ref().unwrap().episode_id.split_once('.').unwrap().0
}

#[tokio::test]
async fn a_run_uses_all_servers_and_every_episode_stays_on_one() {
    const EPISODES: usize = 60;
    let tasks = tiny_tasks();
    let servers = three(&[tasks.path()], &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let output = agent(folder.path(), &servers, EPISODES).wait_with_output().await.unwrap();
    let (said, traces) = played(folder.path(), &output, EPISODES);
    assert!(!said.contains("again"), "{said}");

    let mut on: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for trace in &traces {
        let (episodes, steps) = on.entry(server_of(trace)).or_default();
        *episodes += 1;
        *steps += trace.steps().filter(|step| step.code.is_some()).count() as u64;
    }
    for (name, server) in NAMES.into_iter().zip(&servers) {
        let info = info(server).await;
        assert_eq!((info.episodes_created, info.steps_run), on[name], "{name}: {on:?}");
        assert!(info.episodes_created >= 5, "{on:?}");
        assert_eq!(info.running_episodes, 0, "all were closed where they were");
    }
}

#[tokio::test]
async fn a_server_that_is_killed_in_a_run_costs_its_own_episodes_an_attempt() {
    const EPISODES: usize = 400;
    let tasks = tiny_tasks();
    let servers = three(&[tasks.path()], &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let agent = agent(folder.path(), &servers, EPISODES);
    amid(&servers[1].url).await;
    kill(&servers[1]);
    let output = agent.wait_with_output().await.unwrap();
    let (said, traces) = played(folder.path(), &output, EPISODES);

    // The ids of another attempt end with its number.
    let is_repeated = |trace: &&Trace| trace.provenance.as_ref().unwrap().episode_id.ends_with(".1");
    let repeated = traces.iter().filter(is_repeated);
    assert!(repeated.clone().all(|trace| server_of(trace) != "two"));
    let lost: Vec<&str> = said.lines().filter(|line| line.contains("was played again")).collect();
    assert_eq!(repeated.count(), lost.len(), "{said}");
    assert!((1..=8).contains(&lost.len()), "those that were on it then: {said}");
    let server = format!("the server `two` at {} can't be reached", servers[1].url);
    assert!(lost.iter().all(|line| line.contains(&server)), "{said}");
    let kept = traces.iter().filter(|trace| server_of(trace) == "two").count();
    assert!(kept > 0, "what it had finished stays");
    assert!(traces.iter().all(|trace| trace.summary.errors.is_empty()));
}

#[tokio::test]
async fn a_server_that_is_started_again_costs_its_episodes_an_attempt() {
    const EPISODES: usize = 200;
    let tasks = tiny_tasks();
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("gym.sock").display());
    let start = async || {
        let mut command = Command::new(program("env-server"));
        command.arg("serve").arg("--tasks").arg(tasks.path());
        Server::start_on("server", command, &socket, &folder.path().join("log")).await.unwrap()
    };
    let first = start().await;
    let agent = agent_on(folder.path(), &[&socket], EPISODES);
    amid(&socket).await;
    first.kill().await.unwrap();
    let second = start().await;
    amid(&socket).await;
    // It ends in good order, and with it its episodes.
    second.stop().await.unwrap();
    let _third = start().await;
    let output = agent.wait_with_output().await.unwrap();
    let (said, _) = played(folder.path(), &output, EPISODES);
    let lost = said.lines().filter(|line| line.contains("was played again"));
    assert!((2..=16).contains(&lost.count()), "those that were on it then: {said}");
}

#[tokio::test]
async fn a_lost_server_gets_no_new_episodes_and_the_others_do_not_notice() {
    let servers = three(&[], &[]).await;
    let urls: Vec<String> = servers.iter().map(|server| server.url.clone()).collect();
    let environments = Environments::connect(&urls, IMPATIENT).await.unwrap();
    let mut ids = Vec::new();
    for index in 0..30 {
        ids.push(environments.create(request(&format!("x{index}"))).await.unwrap().episode_id);
    }
    kill(&servers[1]);
    let minute = Duration::from_secs(60);
    for id in &ids {
        let step = environments.step(code_step(id, 0, "print(6 * 7)"), minute).await;
        if id.starts_with("two.") {
            let error = step.unwrap_err();
            assert!(error.is_unreachable());
            let server = format!("the server `two` at {} can't be reached", urls[1]);
            assert!(error.to_string().contains(&server), "{error}");
        } else {
            assert_eq!(step.unwrap().observation.unwrap().output, "42\n");
        }
    }
    for name in NAMES {
        let on_it = ids.iter().filter(|id| id.split('.').next() == Some(name)).count();
        assert!((5..=15).contains(&on_it), "{name} got {on_it} of {ids:?}");
    }
    let started = Instant::now();
    for index in 30..60 {
        let id = environments.create(request(&format!("x{index}"))).await.unwrap().episode_id;
        assert!(!id.starts_with("two."), "{id}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "nothing waits for the lost one");
}

#[tokio::test]
async fn a_full_server_is_passed_by() {
    let start = |name, places| async move {
        EnvServer::start_logging("warn", &[], &["--server-name", name, "--max-episodes", places]).await
    };
    let (full, other) = tokio::join!(start("full", "20"), start("other", "10"));
    let environments =
        Environments::connect(&[full.url.clone(), other.url.clone()], IMPATIENT).await.unwrap();
    // Behind the back of the client, which takes it for the freer one.
    for _ in 0..20 {
        Episode::create(full.client().await, request("")).await.unwrap();
    }
    for index in 0..10 {
        let id = environments.create(request(&format!("x{index}"))).await.unwrap().episode_id;
        assert_eq!(id, format!("other.x{index}"));
    }
    // Where all are full, a place is waited for.
    let waiting = environments.create(request("last"));
    let closing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        environments.close("other.x0").await.unwrap();
    };
    let (created, ()) = tokio::join!(waiting, closing);
    assert_eq!(created.unwrap().episode_id, "other.last");
}

#[tokio::test]
async fn servers_that_cannot_be_told_apart_are_refused() {
    let tasks = tiny_tasks();
    let start = async || EnvServer::start(&[tasks.path()], &["--server-name", "one"]).await;
    let servers = [start().await, start().await];
    let folder = tempfile::tempdir().unwrap();
    let output = agent(folder.path(), &servers, 1).wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for part in ["have the same name, `one`", &servers[0].url, &servers[1].url, "--server-name"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A client that knows one server only is told by it.
    let urls = std::slice::from_ref(&servers[0].url);
    let environments = Environments::connect(urls, IMPATIENT).await.unwrap();
    let error = environments.step(code_step("two.x", 0, ""), Duration::ZERO).await.unwrap_err();
    assert_eq!(wrong_server(&error.status), ("two".to_owned(), "one".to_owned()));
    assert!(error.to_string().contains(&format!("the server `one` at {}", servers[0].url)), "{error}");
}
