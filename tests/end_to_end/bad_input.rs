//! Bad input gets a clear error and loses nothing.

use std::path::Path;
use std::process::{Command, Output};

use proto::env::v1::create_episode_request::Task;
use proto::env::v1::{self, ErrorKind, InterpreterState};
use serde_json::{Value, json};
use tests::{EnvServer, Episode, code_step, create_request, knapsack_task, program, root, tiny_tasks};
use tonic::Code;

fn env_server(arguments: &[&str]) -> Output {
    Command::new(program("env-server")).args(arguments).current_dir(root()).output().unwrap()
}

/// The error of a program that must fail.
fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "it should have failed");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn malformed_tasks_name_what_is_wrong() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let good: Value = serde_json::from_str(&knapsack_task()).unwrap();
    let change = |path: &str, value: Value| {
        let mut task = good.clone();
        *task.pointer_mut(path).unwrap() = value;
        task.to_string()
    };
    let cases = [
        ("{".to_owned(), "task_json"),
        ("[]".to_owned(), "task_json"),
        (change("/family", json!("chess")), "chess"),
        (change("/public/capacity", json!("much")), "public.capacity"),
        (change("/private/items", json!({})), "private.items"),
        (change("/schema_version", json!("v9")), "schema_version"),
    ];
    for (task, named) in cases {
        let status = client.create_episode(create_request(&task, InterpreterState::Reset)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{named}");
        assert!(status.message().contains(named), "{named}: {}", status.message());
    }
    let unknown = v1::CreateEpisodeRequest {
        task: Some(Task::TaskRef(v1::TaskRef { set: "none".to_owned(), task_id: "x".to_owned() })),
        interpreter_state: InterpreterState::Reset.into(),
        ..Default::default()
    };
    assert_eq!(client.create_episode(unknown).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_task_with_many_problems_still_says_what_they_are() {
    let server = EnvServer::start(&[], &[]).await;
    let mut task: Value = serde_json::from_str(&knapsack_task()).unwrap();
    for item in task["private"]["items"].as_object_mut().unwrap().values_mut() {
        item["weight"] = json!("heavy");
        item["class"] = json!("long ".repeat(200));
    }
    let request = create_request(&task.to_string(), InterpreterState::Reset);
    let status = server.client().await.create_episode(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("private.items") && status.message().len() < 2000,
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn tasks_and_configs_that_would_stall_the_server_are_refused() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let classes: Vec<String> = (0..100_000).map(|class| format!("class {class}")).collect();
    let config = json!({"n_items_range": [25, 40], "weight_range": [5, 20], "value_range": [10, 100],
        "classes": classes, "num_allowed_classes": 2, "capacity_ratio_range": [0.35, 0.5]});
    let from_config = v1::TaskFromConfig {
        family: "knapsack".to_owned(),
        config_json: config.to_string(),
        seed: 1,
        ..Default::default()
    };
    let request = v1::CreateEpisodeRequest {
        task: Some(Task::TaskFromConfig(from_config)),
        ..create_request("", InterpreterState::Reset)
    };
    let status = client.create_episode(request).await.unwrap_err();
    assert!(status.message().contains("classes: must name at most 1000"), "{}", status.message());
    let padded = format!("{}{}", knapsack_task(), " ".repeat(5 << 20));
    let status = client.create_episode(create_request(&padded, InterpreterState::Reset)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn tool_calls_cannot_carry_more_than_their_limit() {
    let server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    let step = episode.run("try:\n    inspect('x' * 8_000_000)\nexcept Exception as e:\n    print(e)").await;
    let output = step.observation.unwrap().output;
    assert_eq!(output, "ToolInvocationException:\nThe tool calls of this step carry too much data.\n");
    assert!(step.info.unwrap().tool_calls.is_empty(), "the call did not happen");
}

#[tokio::test]
async fn names_without_number_do_not_swell_the_answers() {
    let server = EnvServer::start(&[], &[]).await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    let observation = episode.observe("for i in range(100_000): globals()[f'name_{i}'] = i").await;
    let names: usize = observation.globals.iter().map(String::len).sum();
    assert!(observation.success && names < 40_000, "{names}");
    assert!(observation.globals.last().unwrap().starts_with("... and "), "{:?}", observation.globals.last());
    assert_eq!(episode.observe("print(name_99999)").await.output, "99999\n");
}

#[tokio::test]
async fn unknown_episodes_and_bad_ids_are_refused() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let status = client.step(code_step("nobody", 0, "1")).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("nobody"));
    let request = v1::CreateEpisodeRequest {
        episode_id: "../../etc".to_owned(),
        ..create_request(&knapsack_task(), InterpreterState::Reset)
    };
    assert_eq!(client.create_episode(request).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn what_the_code_does_wrong_is_an_observation() {
    let server = EnvServer::start(&[], &[]).await;
    let request = v1::CreateEpisodeRequest {
        limits: Some(v1::Limits {
            fuel_per_step: 200_000_000,
            code_bytes_per_step: 1000,
            ..Default::default()
        }),
        ..create_request(&knapsack_task(), InterpreterState::Persistent)
    };
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    episode.run("keep = [1, 2, 3]\ngen = iter(range(10))\nnext(gen)").await;
    let cases = [
        ("Dear interpreter, please list the items.", ErrorKind::Syntax),
        ("x = 1\0", ErrorKind::Syntax),
        ("1 / 0", ErrorKind::Exception),
        ("import sys\nsys.exit(3)", ErrorKind::Exception),
        ("def f(n): return f(n + 1)\nf(0)", ErrorKind::Exception),
        ("while True: pass", ErrorKind::Fuel),
        ("try:\n    while True: pass\nexcept BaseException: pass", ErrorKind::Fuel),
    ];
    for (code, kind) in cases {
        let observation = episode.observe(code).await;
        assert_eq!(
            (observation.success, observation.error_kind()),
            (false, kind),
            "{code}: {}",
            observation.error
        );
        assert!(!observation.error.is_empty());
    }
    let too_long = episode.observe(&"x = 1\n".repeat(1000)).await;
    assert_eq!(too_long.error_kind(), ErrorKind::CodeSize);
    let after = episode.observe("print(keep, next(gen))").await;
    assert_eq!(
        after.output, "[1, 2, 3] 1\n",
        "a killed step leaves the interpreter as it was: {}",
        after.error
    );
}

#[tokio::test]
async fn ten_megabytes_of_output_are_cut_off() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let created = client.create_episode(request).await.unwrap().into_inner();
    let most = created.limits.unwrap().output_bytes_per_step as usize;
    let flood =
        code_step(&created.episode_id, 0, "for _ in range(10_000):\n    print('x' * 1023)\nprint('end')");
    let observation = client.step(flood).await.unwrap().into_inner().observation.unwrap();
    assert!(observation.output_truncated && observation.success, "{}", observation.error);
    assert_eq!(observation.output.len(), most);
    assert_eq!(observation.output_bytes_left_out, 10_240_004 - most as u64);
    let next = client.step(code_step(&created.episode_id, 1, "print('fine')")).await.unwrap().into_inner();
    assert_eq!(next.observation.unwrap().output, "fine\n");
}

#[tokio::test]
async fn a_client_that_vanishes_loses_nothing() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let id = client.create_episode(request).await.unwrap().into_inner().episode_id;
    let code = "list_items()\nsum(range(3_000_000))\nn = globals().get('n', 0) + 1\nprint(n)";
    let slow = code_step(&id, 0, code);
    // The first call is dropped while its step runs, and its connection with it. The tool call tells that it runs.
    let (mut vanishing, abandoned) = (server.client().await, slow.clone());
    let call = tokio::spawn(async move { vanishing.step(abandoned).await });
    server.wait_for_log("tool_call{tool=list_items}").await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled(), "the step was too quick to leave");
    let answer = client.step(slow).await.unwrap().into_inner();
    assert_eq!(answer.observation.unwrap().output, "1\n");
    let next = client.step(code_step(&id, 1, "print(n)")).await.unwrap().into_inner();
    assert_eq!(next.observation.unwrap().output, "1\n", "it ran once");
}

#[test]
fn a_name_that_no_server_can_have_is_refused() {
    let long = "x".repeat(33);
    for name in ["", "One", "a.b", "a_b", "a b", &long] {
        let message = complaint(&env_server(&["serve", "--listen", "127.0.0.1:0", "--server-name", name]));
        assert!(message.contains("--server-name") && message.contains("1 to 32 of [a-z0-9-]"), "{message}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_port_says_so() {
    let server = EnvServer::start(&[], &[]).await;
    let address = server.url.trim_start_matches("http://");
    let message = complaint(&env_server(&["serve", "--listen", address]));
    assert!(message.contains(address) && message.contains("--listen"), "{message}");
}

#[test]
fn a_folder_without_tasks_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let message = complaint(&env_server(&["serve", "--listen", "127.0.0.1:0", "--tasks", path]));
    assert!(message.contains(path), "{message}");

    std::fs::create_dir_all(folder.path().join("tasks/knapsack")).unwrap();
    std::fs::write(folder.path().join("tasks/knapsack/knapsack-0000000000.json"), "{\"family\": 3}").unwrap();
    let message = complaint(&env_server(&["serve", "--listen", "127.0.0.1:0", "--tasks", path]));
    assert!(message.contains("knapsack-0000000000.json"), "{message}");
}

#[tokio::test]
async fn a_stray_file_among_the_tasks_is_left_out_unless_the_start_is_strict() {
    let tasks = tiny_tasks();
    let stray = tasks.path().join("tasks/knapsack/notes.json");
    std::fs::write(&stray, "{").unwrap();
    let folder = path(tasks.path());
    let strict = ["serve", "--listen", "127.0.0.1:0", "--strict", "--tasks", folder];
    let message = complaint(&env_server(&strict));
    assert!(message.contains("1 file is no task") && message.contains(path(&stray)), "{message}");

    let server = EnvServer::start(&[tasks.path()], &[]).await;
    server.wait_for_log("1 file is no task").await;
    assert!(server.log().contains(path(&stray)), "{}", server.log());
    let listed =
        server.client().await.list_tasks(v1::ListTasksRequest::default()).await.unwrap().into_inner();
    assert_eq!((listed.total_size, listed.tasks.len()), (1000, 1000));
}

#[tokio::test]
async fn a_task_that_changed_after_the_start_is_not_played() {
    let tasks = tiny_tasks();
    let server = EnvServer::start(&[tasks.path()], &["--strict"]).await;
    let mut client = server.client().await;
    let task_ref = |id: &str| v1::CreateEpisodeRequest {
        task: Some(Task::TaskRef(v1::TaskRef { set: String::new(), task_id: id.to_owned() })),
        ..create_request("", InterpreterState::Reset)
    };
    let file = |id: &str| tasks.path().join(format!("tasks/knapsack/{id}.json"));
    let [kept, changed, gone] = ["0", "1", "2"].map(|index| format!("knapsack-000000000{index}"));
    // A task all the same, but not the one that is listed.
    let text = std::fs::read_to_string(file(&changed)).unwrap();
    std::fs::write(file(&changed), text.replace("\"seed\": ", "\"seed\": 1")).unwrap();
    std::fs::remove_file(file(&gone)).unwrap();
    for id in [&changed, &gone] {
        let status = client.create_episode(task_ref(id)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
        assert_eq!(client::reason(&status).as_deref(), Some("TASK_CHANGED"));
        assert!(status.message().contains(id.as_str()), "{status}");
        assert!(
            !status.message().contains(path(tasks.path())),
            "where it is, is nobody's business: {status}"
        );
        assert!(server.log().contains(path(&file(id))), "but the operator's: {}", server.log());
    }
    client.create_episode(task_ref(&kept)).await.unwrap();
}

#[test]
fn an_output_folder_that_cannot_be_written_is_refused() {
    // A file in the way stops root as well as anyone else.
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("blocked");
    std::fs::write(&blocked, "a file").unwrap();
    let out = blocked.join("tasks");
    let message =
        complaint(&env_server(&["generate", "--config", "task_configs/eval_easy.json", "--out", path(&out)]));
    assert!(message.contains(path(&blocked)), "{message}");
}

#[test]
fn an_invalid_config_names_key_and_rule() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    let text = std::fs::read_to_string(root().join("task_configs/eval_easy.json")).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["knapsack"]["n_items_range"] = json!([40, 25]);
    value["knapsack"]["colour"] = json!("red");
    std::fs::write(&config, value.to_string()).unwrap();
    let out = folder.path().join("out");
    let message = complaint(&env_server(&["generate", "--config", path(&config), "--out", path(&out)]));
    assert!(message.contains("knapsack.n_items_range") && message.contains("knapsack.colour"), "{message}");
    assert!(!out.exists(), "nothing is written for a config that is wrong");
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
