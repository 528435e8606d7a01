//! Episodes that outlive their server: where they are stored, what is refused, copies of earlier steps.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use client::{Credentials, EnvClient, Environment, Retry, connect_as};
use futures::future::join_all;
use proto::env::v1::{self, InterpreterState};
use tests::{EnvServer, Guarded, Stored, code_step, create_request, knapsack_task, program, reason};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// An item of the recorded task.
const ITEM: &str = "item_02d5c78889d2";

fn named(id: &str) -> v1::CreateEpisodeRequest {
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..request }
}

async fn step(client: &mut EnvClient, id: &str, index: u64, code: &str) -> Result<v1::StepResponse, Status> {
    Ok(client.step(code_step(id, index, code)).await?.into_inner())
}

async fn output(client: &mut EnvClient, id: &str, index: u64, code: &str) -> String {
    let observation = step(client, id, index, code).await.unwrap().observation.unwrap();
    assert!(observation.success, "{code}: {}", observation.error);
    observation.output
}

async fn fork(
    client: &mut EnvClient,
    source: &str,
    ids: &[&str],
    at_step_index: Option<u64>,
) -> Result<Vec<v1::EpisodeSummary>, Status> {
    let new_episode_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    let request = v1::ForkEpisodeRequest { episode_id: source.to_owned(), new_episode_ids, at_step_index };
    Ok(client.fork_episode(request).await?.into_inner().episodes)
}

/// Runs a server that should not start.
fn refused(state: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program("env-server"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state).args(arguments);
    let Output { status, stderr, .. } = command.output().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

#[tokio::test]
async fn a_folder_that_is_not_the_servers_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.tex"), "mine").unwrap();
    let said = refused(&foreign, &[]);
    assert!(said.contains("foreign"), "{said}");
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1, "nothing was written");
    assert_eq!(fs::read_to_string(foreign.join("thesis.tex")).unwrap(), "mine");

    let server = Stored::start(&[]).await;
    server.client().await.create_episode(named("a")).await.unwrap();
    let said = refused(&server.state(), &[]);
    assert!(said.contains("another server"), "{said}");
    let folder = server.into_folder().await;
    let state = folder.path().join("state");
    let format = fs::read_to_string(state.join("FORMAT")).unwrap();
    let interpreter = sha_in(&format);
    fs::write(state.join("FORMAT"), format.replace(&interpreter, &"0".repeat(64))).unwrap();
    let said = refused(&state, &[]);
    assert!(said.contains("interpreter"), "{said}");
    fs::write(state.join("FORMAT"), format).unwrap();
    let server = EnvServer::start(&[], &["--state-dir", state.to_str().unwrap()]).await;
    assert_eq!(output(&mut server.client().await, "a", 0, "print(1)").await, "1\n");
}

/// The first 64 hexadecimal digits in a row.
fn sha_in(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_ascii_hexdigit());
    words.filter(|word| word.len() == 64).map(str::to_owned).next().unwrap()
}

#[tokio::test]
async fn options_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("env-server"));
    let said = command.args(["serve", "--durability", "sync"]).output().unwrap();
    assert!(!said.status.success());
    assert!(String::from_utf8(said.stderr).unwrap().contains("--state-dir"));

    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    for id in ["a", "b", "c"] {
        client.create_episode(named(id)).await.unwrap();
    }
    let kept = server.into_folder().await;
    let said = refused(&kept.path().join("state"), &["--max-episodes", "2"]);
    assert!(said.contains("--max-episodes"), "{said}");
    drop(folder);
}

#[tokio::test]
async fn r10_while_the_disk_is_full_reads_and_closes_go_on() {
    let server = Stored::start(&[]).await;
    let mut client = server.client().await;
    client.create_episode(named("a")).await.unwrap();
    client.create_episode(named("b")).await.unwrap();
    let first = step(&mut client, "a", 0, "x = 1").await.unwrap();
    let folder = server.into_folder().await;
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();

    // No disk has so much room.
    let server = EnvServer::start(&[], &["--state-dir", state, "--state-reserve", "1000PiB"]).await;
    let mut client = server.client().await;
    for refused in [
        client.create_episode(named("c")).await.err().unwrap(),
        step(&mut client, "a", 1, "x += 1").await.unwrap_err(),
        fork(&mut client, "a", &["d"], None).await.unwrap_err(),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "STORAGE_FULL"));
        assert!(refused.get_details_retry_info().is_some());
    }
    assert_eq!(step(&mut client, "a", 0, "x = 1").await.unwrap(), first, "a repeated step reads");
    let get = v1::GetEpisodeRequest { episode_id: "a".to_owned(), include_steps: true, ..Default::default() };
    assert_eq!(client.get_episode(get).await.unwrap().into_inner().steps.len(), 1);
    let close = |id: &str| v1::CloseEpisodeRequest { episode_id: id.to_owned() };
    let closed = client.close_episode(close("b")).await.unwrap().into_inner();
    server.kill().await;

    let server = EnvServer::start(&[], &["--state-dir", state]).await;
    let mut client = server.client().await;
    assert_eq!(output(&mut client, "a", 1, "x += 1\nprint(x)").await, "2\n", "what was refused did nothing");
    assert_eq!(client.close_episode(close("b")).await.unwrap().into_inner(), closed);
}

/// Kills a server, if there is one, and connects to the next one on its folder.
async fn kill(server: &mut Option<Stored>, client: &mut EnvClient) {
    if let Some(stored) = server.take() {
        let stored = stored.killed().await;
        *client = stored.client().await;
        *server = Some(stored);
    }
}

/// Plays an episode, and copies it at each of its steps. `restart` says whether the server is killed in between.
async fn copies_of_earlier_steps(mut client: EnvClient, restart: Option<Stored>) {
    let blocks = [
        "import random\nsquares = (n * n for n in range(100))\nprint(next(squares), random.random())",
        &format!("print(inspect('{ITEM}'), next(squares), random.random())"),
        "x = 1 / 0",
        &format!("take_item('{ITEM}')\nprint(next(squares), random.random())"),
        "for n in range(3_000_000): pass\nprint(next(squares), random.random())",
    ];
    client.create_episode(named("source")).await.unwrap();
    let mut answers = Vec::new();
    for (index, block) in (0..).zip(blocks) {
        answers.push(step(&mut client, "source", index, block).await.unwrap());
    }
    let mut server = restart;
    kill(&mut server, &mut client).await;
    for at in 0..=blocks.len() {
        let id = format!("at_{at}");
        let copy = fork(&mut client, "source", &[&id], Some(at as u64)).await.unwrap().remove(0);
        assert_eq!((copy.next_step_index, copy.forked_from.as_str()), (at as u64, "source"));
    }
    kill(&mut server, &mut client).await;
    for at in 0..=blocks.len() {
        let id = format!("at_{at}");
        for (index, block) in (0..).zip(blocks).skip(at) {
            let taken = step(&mut client, &id, index, block).await.unwrap();
            let expected = &answers[usize::try_from(index).unwrap()];
            assert_eq!(taken.observation, expected.observation, "copied at {at}, step {index}");
            let budgets = |step: &v1::StepResponse| step.info.clone().unwrap().budget_left;
            assert_eq!(budgets(&taken), budgets(expected));
        }
        assert_eq!(output(&mut client, &id, 5, "print(next(squares))").await, "16\n");
    }
    let beyond = fork(&mut client, "source", &["beyond"], Some(6)).await.unwrap_err();
    let field = beyond.get_details_bad_request().unwrap().field_violations.remove(0).field;
    assert_eq!((beyond.code(), field.as_str()), (Code::InvalidArgument, "at_step_index"));

    step(&mut client, "source", 5, "finish()").await.unwrap();
    let ended = fork(&mut client, "source", &["ended"], None).await.unwrap_err();
    assert_eq!(reason(&ended), "EPISODE_ENDED");
    fork(&mut client, "source", &["before_its_end"], Some(5)).await.unwrap();
    assert_eq!(output(&mut client, "before_its_end", 5, "print(next(squares))").await, "16\n");
    let close = v1::CloseEpisodeRequest { episode_id: "source".to_owned() };
    client.close_episode(close).await.unwrap();
    let closed = fork(&mut client, "source", &["closed"], Some(5)).await.unwrap_err();
    assert_eq!((closed.code(), reason(&closed).as_str()), (Code::FailedPrecondition, "EPISODE_ENDED"));
    drop(server);
}

#[tokio::test]
async fn an_episode_is_copied_at_an_earlier_step() {
    let server = EnvServer::start(&[], &[]).await;
    copies_of_earlier_steps(server.client().await, None).await;
}

#[tokio::test]
async fn a_stored_episode_is_copied_at_an_earlier_step() {
    let server = Stored::start(&[]).await;
    copies_of_earlier_steps(server.client().await, Some(server)).await;
}

#[tokio::test]
async fn many_episodes_of_a_killed_server_go_on() {
    const EPISODES: usize = 40;
    /// Of each episode in each round, at least.
    const STEPS: u64 = 30;
    let mut server = Stored::start(&["--max-awake", "10"]).await;
    let work = "n = globals().get('n', 0) + 1\nfor _ in range(20_000): pass\nprint(n)";
    for round in 0..4 {
        let client = server.client().await;
        let play = (0..EPISODES).map(|number| {
            let (mut client, id) = (client.clone(), format!("e{number}"));
            async move {
                if round == 0 {
                    client.create_episode(named(&id)).await.ok()?;
                }
                let mut next = round * STEPS;
                while next < (round + 1) * STEPS
                    && let Ok(taken) = step(&mut client, &id, next, work).await
                {
                    assert_eq!(taken.observation.unwrap().output, format!("{}\n", next + 1));
                    next += 1;
                }
                Some(next)
            }
        });
        let play = tokio::spawn(join_all(play.collect::<Vec<_>>()));
        tokio::time::sleep(Duration::from_millis(250)).await;
        server = server.killed().await;
        let mut client = server.client().await;
        for (number, reached) in play.await.unwrap().into_iter().enumerate() {
            let id = format!("e{number}");
            for index in reached.unwrap_or_default()..(round + 1) * STEPS {
                if index == 0 && reached.is_none() {
                    client.create_episode(named(&id)).await.unwrap();
                }
                assert_eq!(output(&mut client, &id, index, work).await, format!("{}\n", index + 1));
            }
        }
    }
}

/// A block for each step; what it prints depends on all before.
const BLOCKS: [&str; 4] = [
    "import random\nn = 0\nsquares = (n * n for n in range(100))",
    "n += 1\nprint(n, next(squares), random.random(), list_items()[:30])",
    "for _ in range(2_000_000): pass\nn += 1\nprint(n, next(squares), random.random())",
    "print(inspect(list_items().split()[0].strip(',:')), next(squares), n)",
];

/// An operator's connection: exports hold hidden data.
async fn boss(server: &EnvServer) -> EnvClient {
    let credentials = Credentials { token: Some("boss".to_owned()), roots: None };
    connect_as(&server.url, &credentials).await.unwrap()
}

#[tokio::test]
async fn an_episode_is_moved_between_servers_and_goes_on_exactly() {
    let tokens = tempfile::NamedTempFile::new().unwrap();
    fs::write(tokens.path(), Guarded::tokens()).unwrap();
    let arguments = ["--tokens", tokens.path().to_str().unwrap()];
    let (stored, other) = (Stored::start(&arguments).await, Stored::start(&arguments).await);
    let (plain, undisturbed) = (EnvServer::start(&[], &arguments).await, EnvServer::start(&[], &[]).await);
    let mut expected = undisturbed.client().await;
    expected.create_episode(named("a")).await.unwrap();
    let mut answers = Vec::new();
    for (index, block) in (0..).zip(BLOCKS.iter().cycle().take(12)) {
        answers.push(step(&mut expected, "a", index, block).await.unwrap().observation.unwrap());
    }
    let place = async |server: &EnvServer| {
        let client = boss(server).await;
        (client.clone(), Environment::new(client, Retry::default()))
    };
    let servers = [place(stored.server()).await, place(&plain).await, place(other.server()).await];
    servers[0].0.clone().create_episode(named("a")).await.unwrap();
    let mut from = 0;
    for (index, block) in (0_u64..).zip(BLOCKS.iter().cycle().take(12)) {
        let mut client = servers[from].0.clone();
        let taken = step(&mut client, "a", index, block).await.unwrap();
        assert_eq!(taken.observation.as_ref(), answers.get(usize::try_from(index).unwrap()));
        let to = (from + 1) % servers.len();
        if index < 2 {
            let there = servers[from].1.move_to("a", &servers[to].1, "").await.unwrap();
            assert_eq!((there.episode_id.as_str(), there.next_step_index), ("a", index + 1));
            assert_eq!(step(&mut servers[to].0.clone(), "a", index, block).await.unwrap(), taken, "R2");
            assert_eq!(reason(&step(&mut client, "a", index + 1, "1").await.unwrap_err()), "EPISODE_ENDED");
            from = to;
        }
    }
    let other = other.killed().await;
    let mut client = boss(other.server()).await;
    let next = step(&mut client, "a", 12, BLOCKS[1]).await.unwrap().observation.unwrap();
    let undisturbed = step(&mut expected, "a", 12, BLOCKS[1]).await.unwrap().observation.unwrap();
    assert_eq!(next, undisturbed);
}

#[tokio::test]
async fn what_is_no_exported_episode_is_refused() {
    let guarded = Guarded::start("").await;
    let mut client = guarded.client("boss").await;
    client.create_episode(named("a")).await.unwrap();
    let export = || v1::ExportEpisodeRequest { episode_id: "a".to_owned() };
    let bytes = client.export_episode(export()).await.unwrap().into_inner().episode;
    let import = |episode: Vec<u8>| v1::ImportEpisodeRequest { episode, episode_id: "b".to_owned() };
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut newer = bytes.clone();
    newer[8] = 9;
    for (wrong, word) in [
        (b"no episode".to_vec(), "no exported episode"),
        (damaged, "damaged"),
        (newer, "version 9"),
        (bytes[..bytes.len() / 2].to_vec(), "damaged"),
    ] {
        let refused = client.import_episode(import(wrong)).await.unwrap_err();
        let violation = refused.get_details_bad_request().unwrap().field_violations.remove(0);
        assert_eq!((refused.code(), violation.field.as_str()), (Code::InvalidArgument, "episode"));
        assert!(violation.description.contains(word), "{violation:?}");
    }
    let mut red = guarded.client("red").await;
    for refused in [
        red.import_episode(import(bytes.clone())).await.unwrap_err(),
        red.export_episode(export()).await.unwrap_err(),
    ] {
        assert_eq!(reason(&refused), "OPERATOR_ONLY");
    }
    let imported = client.import_episode(import(bytes.clone())).await.unwrap().into_inner().episode.unwrap();
    let again = client.import_episode(import(bytes)).await.unwrap().into_inner().episode.unwrap();
    assert_eq!((imported.episode_id.as_str(), again.episode_id.as_str()), ("b", "b"));
    assert_eq!(output(&mut client, "b", 0, "print(1)").await, "1\n");
    let unknown = v1::ExportEpisodeRequest { episode_id: "nobody".to_owned() };
    assert_eq!(client.export_episode(unknown).await.unwrap_err().code(), Code::NotFound);
}
