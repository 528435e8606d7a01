//! A runtime that loses its state at random: what is lost, when, and what stays.

use std::fs;
use std::process::Command;

use proto::env::v1::{self, ErrorKind, InterpreterState};
use proto::run::Layout;
use proto::trace::{EventKind, Trace};
use tests::{EnvServer, Episode, create_request, field, knapsack_task, program, root, tool_step};
use tonic::Code;

/// An item of the recorded task.
const ITEM: &str = "item_02d5c78889d2";

fn request(state_loss: f64, seed: u64) -> v1::CreateEpisodeRequest {
    v1::CreateEpisodeRequest {
        state_loss,
        seed: Some(seed),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    }
}

fn was_lost(step: &v1::StepResponse) -> bool {
    step.info.as_ref().unwrap().state_lost
}

#[tokio::test]
async fn names_are_lost_and_the_task_goes_on() {
    let server = EnvServer::start(&[], &[]).await;
    let mut episode = Episode::create(server.client().await, request(1.0, 1)).await.unwrap();
    let first = episode.run(&format!("import math\nx = 41\ninspect('{ITEM}')\ntake_item('{ITEM}')")).await;
    assert!(first.observation.as_ref().unwrap().success && !was_lost(&first), "nothing was there to lose");

    for (code, name) in [("print(x)", "x"), ("print(math.pi)", "math")] {
        let step = episode.run(code).await;
        let observation = step.observation.as_ref().unwrap();
        assert!(was_lost(&step) && observation.globals.is_empty());
        assert_eq!(observation.exception_type, "NameError");
        assert!(observation.error.contains(name), "{}", observation.error);
    }
    let again = episode.run(&format!("take_item('{ITEM}')")).await;
    assert!(again.observation.unwrap().error.contains("ToolRuntimeException"), "it is taken already");
    let last = episode.run("finish()").await;
    assert_eq!(last.info.unwrap().budget_left["inspect"], 29, "what was inspected stays so");
    assert!(last.terminated && last.reward > 0.0, "what was taken counts");
}

/// The losses of an episode of ten steps, each of which counts its runs.
async fn losses(server: &EnvServer, seed: u64) -> Vec<u64> {
    let mut episode = Episode::create(server.client().await, request(0.3, seed)).await.unwrap();
    let mut lost = Vec::new();
    let mut runs = 0;
    for index in 0..10 {
        let step = episode.run("n = globals().get('n', 0) + 1\nprint(n)").await;
        if was_lost(&step) {
            lost.push(index);
            runs = 0;
        }
        runs += 1;
        assert_eq!(step.observation.unwrap().output, format!("{runs}\n"), "step {index} of seed {seed}");
    }
    lost
}

#[tokio::test]
async fn the_losses_follow_from_the_seed() {
    let server = EnvServer::start(&[], &[]).await;
    // Computed by another program from the rule in env.proto.
    assert_eq!(losses(&server, 4).await, [1, 5, 8]);
    assert_eq!(losses(&server, 4).await, [1, 5, 8], "another episode of that seed");
    assert_eq!(losses(&server, 3).await, [6, 9]);
}

#[tokio::test]
async fn a_killed_step_leaves_what_was_made_since_the_loss() {
    let server = EnvServer::start(&[], &[]).await;
    let limits = v1::Limits { fuel_per_step: 200_000_000, ..Default::default() };
    let request = v1::CreateEpisodeRequest { limits: Some(limits), ..request(0.3, 4) };
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    episode.run("before = list_items()").await;
    assert!(was_lost(&episode.run("since = list_items()[:2]").await));
    assert_eq!(episode.observe("while True: pass").await.error_kind(), ErrorKind::Fuel);
    let after = episode.run("print(since, 'before' in globals())").await;
    assert!(!was_lost(&after));
    assert_eq!(after.observation.unwrap().output, "[\" False\n");
}

#[tokio::test]
async fn steps_run_once_and_only_code_loses_state() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let mut episode = Episode::create(client.clone(), request(1.0, 1)).await.unwrap();
    for index in [0, 2] {
        let inspect = tool_step(&episode.id, index, "inspect", &format!("[\"{ITEM}\"]"));
        assert!(!was_lost(&client.step(inspect).await.unwrap().into_inner()));
        episode.next = index + 1;
        let code = episode.run("print(globals().get('n', 0))\nn = 1").await;
        assert_eq!(was_lost(&code), index > 0, "the first step of code finds no state");
        assert_eq!(code.observation.as_ref().unwrap().output, "0\n");
        episode.next -= 1;
        assert_eq!(
            episode.run("print(globals().get('n', 0))\nn = 1").await,
            code,
            "answered, not run, again"
        );
    }
}

#[tokio::test]
async fn the_chance_in_force_is_told_and_part_of_the_request() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let asked = v1::CreateEpisodeRequest { episode_id: "mine".to_owned(), ..request(0.25, 1) };
    for _ in 0..2 {
        let created = client.create_episode(asked.clone()).await.unwrap().into_inner();
        assert_eq!(created.state_loss, 0.25);
    }
    let other = v1::CreateEpisodeRequest { state_loss: 0.5, ..asked };
    assert_eq!(client.create_episode(other).await.unwrap_err().code(), Code::AlreadyExists);
    let get = v1::GetEpisodeRequest { episode_id: "mine".to_owned(), ..Default::default() };
    let found = client.get_episode(get).await.unwrap().into_inner();
    assert_eq!(found.episode.unwrap().state_loss, 0.25);
}

#[tokio::test]
async fn a_chance_that_cannot_be_is_refused() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let reset =
        v1::CreateEpisodeRequest { interpreter_state: InterpreterState::Reset.into(), ..request(0.3, 1) };
    let cases = [
        (request(-0.1, 1), "-0.1"),
        (request(1.5, 1), "1.5"),
        (request(f64::NAN, 1), "NaN"),
        (reset, "no state to lose"),
    ];
    for (request, named) in cases {
        let status = client.create_episode(request).await.unwrap_err();
        assert_eq!((status.code(), field(&status).as_str()), (Code::InvalidArgument, "state_loss"));
        assert!(status.message().contains(named), "{named}: {}", status.message());
    }
}

/// The habit that relies on its variables, in a runtime that loses them. Such episodes are the training data for
/// recovery.
#[test]
fn an_agent_records_what_was_lost() {
    const RUN: &str = "persistent-habit_in_persistent";
    let folder = tempfile::tempdir().unwrap();
    let config = fs::read_to_string(root().join(format!("agent_configs/habits/{RUN}.yaml"))).unwrap();
    let config = config.replace("persistent_state: true", "persistent_state: true\n    state_loss: 0.3");
    fs::write(folder.path().join("config.yaml"), config).unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let succeed = |name: &str, arguments: &[&str]| {
        let output = Command::new(program(name)).args(arguments).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    };
    succeed("env-server", &["generate", "--config", "task_configs/tiny.json", "--out", &text("tasks")]);
    succeed(
        "agent",
        &["run", "--config", &text("config.yaml"), "--tasks-root", &text("tasks")]
            .into_iter()
            .chain(["--output-dir", &text("out"), "--max-examples", "6"])
            .collect::<Vec<_>>(),
    );

    let layout = Layout::new(&folder.path().join("out"), RUN);
    let (mut lost, mut missed) = (0, 0);
    for task in 0..6 {
        let id = format!("knapsack-{task:010}");
        let trace: Trace = files::read_json(&layout.trace(RUN, "knapsack", &id)).unwrap();
        assert_eq!(trace.provenance.as_ref().unwrap().state_loss, 0.3);
        let mut lost_here = 0;
        for event in &trace.events {
            let EventKind::StepEvent(step) = &event.kind else { continue };
            let Some(info) = &step.info else { continue };
            lost_here += usize::from(info.state_lost);
            missed += usize::from(info.state_lost && info.exception_type.as_deref() == Some("NameError"));
        }
        let page = fs::read_to_string(layout.trace_html(RUN, "knapsack", &id)).unwrap();
        assert_eq!(page.matches("state lost before this step").count(), lost_here, "{id}");
        lost += lost_here;
    }
    assert!(lost > missed && missed > 0, "{lost} losses, {missed} missing variables");
    succeed("analysis", &["failures", layout.root.to_str().unwrap()]);
}
