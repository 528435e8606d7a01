//! What operators see of a server: probes, metrics, what each episode uses, the log; and what nobody sees there.

use std::time::Duration;

use client::EnvClient;
use proto::env::v1::{self, InterpreterState};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    EnvServer, Guarded, Metrics, code_step, create_request, knapsack_task, root, token_line, tool_step,
};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

/// In the log after a step's call of `list_items`, which tells that the step is under way.
const TOOL_CALL: &str = "tool_call{tool=list_items}";
/// Tells that it is under way, and then takes a while.
const SLOW: &str = "list_items()\nfor _ in range(8): n = sum(range(2_000_000))";

fn http() -> reqwest::Client {
    // Fails if another test was first: one is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn get(server: &EnvServer, path: &str, token: Option<&str>) -> (StatusCode, String) {
    let mut request = http().get(format!("{}{path}", server.url));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn metrics(server: &EnvServer) -> Metrics {
    let (status, page) = get(server, "/metrics", None).await;
    assert_eq!(status, 200, "{page}");
    Metrics(page)
}

/// The metrics once a series has this value.
async fn metrics_when(server: &EnvServer, series: &str, value: f64) -> Metrics {
    let wait = async {
        loop {
            let metrics = metrics(server).await;
            if metrics.value(series) == value {
                return metrics;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .unwrap_or_else(|_| panic!("{series} is not {value}"))
}

async fn create(client: &mut EnvClient, id: &str) {
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    client.create_episode(v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..request }).await.unwrap();
}

#[tokio::test]
async fn probes_need_no_token_and_metrics_an_operator_s() {
    let guarded = Guarded::start("").await;
    let server = &guarded.server;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(server, path, None).await, (StatusCode::OK, "ok\n".to_owned()));
    }
    let (status, page) = get(server, "/metrics", None).await;
    assert!(status == 401 && !page.contains("runtime_gym_"), "{status}: {page}");
    let (status, page) = get(server, "/metrics", Some("red")).await;
    assert!(status == 403 && !page.contains("runtime_gym_"), "{status}: {page}");
    let (status, page) = get(server, "/metrics", Some("boss")).await;
    assert_eq!(status, 200);
    let page = Metrics(page);
    assert_eq!(page.value("runtime_gym_unauthenticated_calls_total"), 1.0);
    assert_eq!(page.value("runtime_gym_build_info"), 1.0);
    assert!(page.value("runtime_gym_connections") >= 1.0);
    let operations = std::fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    for family in page.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        let name = family.trim_start_matches("runtime_gym_");
        let is_told =
            [format!("`{name}`"), format!("`{name}{{")].iter().any(|text| operations.contains(text));
        assert!(is_told, "docs/OPERATIONS.md does not tell of {name}");
    }
    for series in ["process_resident_memory_bytes", "process_open_fds", "runtime_gym_memory_limit_bytes"] {
        assert!(page.value(series) > 0.0, "{series}");
    }
}

#[tokio::test]
async fn a_server_that_shuts_down_is_alive_and_not_ready() {
    let mut server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    create(&mut client, "mine").await;
    let mut other = server.client().await;
    let prober = http();
    let probe = async |path: &str| prober.get(format!("{}{path}", server.url)).send().await.unwrap().status();
    assert_eq!(probe("/readyz").await, 200);
    let step = tokio::spawn(async move { client.step(code_step("mine", 0, SLOW)).await });
    server.wait_for_log(TOOL_CALL).await;
    let pid = server.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    server.wait_for_log("shutting down").await;
    while probe("/readyz").await != 503 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(probe("/healthz").await, 200);
    // On a new connection, too.
    assert_eq!(get(&server, "/readyz", None).await.0, 503);
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    let refused = other.create_episode(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert_eq!(refused.get_details_error_info().unwrap().reason, "SHUTTING_DOWN");
    assert!(refused.get_details_retry_info().is_some());
    step.await.unwrap().expect("what was under way ends");
    assert!(server.wait().await.success());
}

#[tokio::test]
async fn a_refused_step_is_counted_as_refused() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    create(&mut client, "mine").await;
    client.step(code_step("mine", 0, "1")).await.unwrap();
    client.step(code_step("mine", 0, "1")).await.unwrap();
    client.step(code_step("mine", 7, "1")).await.unwrap_err();
    client.step(code_step("nobody", 0, "1")).await.unwrap_err();
    client.step(code_step("mine", 1, "1 +")).await.unwrap();
    client.step(code_step("mine", 2, "raise ValueError")).await.unwrap();
    let page = metrics(&server).await;
    for (series, value) in [
        (r#"runtime_gym_steps_total{tenant="default",outcome="ok"}"#, 1.0),
        (r#"runtime_gym_steps_total{outcome="syntax"}"#, 1.0),
        (r#"runtime_gym_steps_total{outcome="exception"}"#, 1.0),
        (r#"runtime_gym_steps_total{outcome="refused"}"#, 2.0),
        ("runtime_gym_steps_total", 5.0),
        ("runtime_gym_steps_repeated_total", 1.0),
        (r#"runtime_gym_refused_total{reason="STEP_GAP"}"#, 1.0),
        (r#"runtime_gym_refused_total{reason="UNKNOWN_EPISODE"}"#, 1.0),
        (r#"runtime_gym_rpc_duration_seconds_count{method="Step",code="OK"}"#, 4.0),
        (r#"runtime_gym_rpc_duration_seconds_count{method="Step",code="FAILED_PRECONDITION"}"#, 1.0),
        (r#"runtime_gym_rpc_duration_seconds_count{method="Step",code="NOT_FOUND"}"#, 1.0),
        ("runtime_gym_step_run_seconds_count", 3.0),
        (r#"runtime_gym_step_queue_seconds_bucket{le="+Inf"}"#, 3.0),
        ("runtime_gym_steps_running", 0.0),
        ("runtime_gym_calls_under_way", 0.0),
    ] {
        assert_eq!(page.value(series), value, "{series} in:\n{}", page.0);
    }
    assert!(page.value(r#"runtime_gym_step_fuel_total{tenant="default"}"#) > 0.0);
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.steps_run, 3);
    let count = |name: &str| info.latencies.iter().find(|latency| latency.name == name).unwrap().count;
    assert_eq!((count("Step"), count("Step.run"), count("CreateEpisode")), (6, 3, 1));
}

#[tokio::test]
async fn steps_whose_clients_go_away_are_counted() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    create(&mut client, "mine").await;
    let (mut first, mut second) = (server.client().await, server.client().await);
    let running = tokio::spawn(async move { first.step(code_step("mine", 0, SLOW)).await });
    server.wait_for_log(TOOL_CALL).await;
    // It waits for the first one.
    let waiting = tokio::spawn(async move { second.step(code_step("mine", 1, "1")).await });
    let page = metrics_when(&server, "runtime_gym_steps_waiting", 1.0).await;
    assert_eq!(page.value("runtime_gym_steps_running"), 1.0);
    assert_eq!(page.value(r#"runtime_gym_calls_under_way{method="Step"}"#), 2.0);
    waiting.abort();
    running.abort();
    let cancelled = r#"runtime_gym_rpc_duration_seconds_count{method="Step",code="CANCELLED"}"#;
    let page = metrics_when(&server, cancelled, 2.0).await;
    assert_eq!(page.value(r#"runtime_gym_steps_total{outcome="cancelled"}"#), 1.0);
    assert_eq!(page.value("runtime_gym_steps_waiting"), 0.0);
    // The other one runs to its end.
    metrics_when(&server, r#"runtime_gym_steps_total{outcome="ok"}"#, 1.0).await;

    let mut endless = Request::new(code_step("mine", 1, "while True: pass"));
    endless.set_timeout(Duration::from_millis(300));
    client.step(endless).await.unwrap_err();
    let page = metrics_when(&server, r#"runtime_gym_steps_total{outcome="stopped"}"#, 1.0).await;
    assert_eq!(page.value("runtime_gym_steps_total"), 3.0);
    assert_eq!(page.value("runtime_gym_steps_running"), 0.0);
}

#[tokio::test]
async fn episodes_and_interpreters_are_counted_as_they_are() {
    let server = EnvServer::start(&[], &["--max-awake", "1"]).await;
    let mut client = server.client().await;
    for id in ["one", "two", "three"] {
        create(&mut client, id).await;
    }
    for id in ["one", "two"] {
        client.step(code_step(id, 0, "x = 1")).await.unwrap();
    }
    client.close_episode(v1::CloseEpisodeRequest { episode_id: "three".to_owned() }).await.unwrap();
    let page = metrics(&server).await;
    for (series, value) in [
        (r#"runtime_gym_episodes{state="running"}"#, 2.0),
        (r#"runtime_gym_episodes{state="ended"}"#, 1.0),
        ("runtime_gym_episodes_created_total", 3.0),
        (r#"runtime_gym_episodes_ended_total{reason="closed"}"#, 1.0),
        (r#"runtime_gym_interpreters{state="awake"}"#, 1.0),
        (r#"runtime_gym_interpreters{state="hibernated"}"#, 1.0),
        ("runtime_gym_hibernations_total", 1.0),
    ] {
        assert_eq!(page.value(series), value, "{series} in:\n{}", page.0);
    }
    client.step(code_step("one", 1, "finish()")).await.unwrap();
    client.close_episode(v1::CloseEpisodeRequest { episode_id: "one".to_owned() }).await.unwrap();
    client.close_episode(v1::CloseEpisodeRequest { episode_id: "two".to_owned() }).await.unwrap();
    let page = metrics(&server).await;
    for (series, value) in [
        (r#"runtime_gym_episodes_ended_total{reason="finished"}"#, 1.0),
        (r#"runtime_gym_episodes_ended_total{reason="closed"}"#, 2.0),
        ("runtime_gym_interpreters", 0.0),
        (r#"runtime_gym_episodes{state="ended"}"#, 3.0),
    ] {
        assert_eq!(page.value(series), value, "{series} in:\n{}", page.0);
    }
}

#[tokio::test]
async fn it_can_be_seen_which_episode_uses_the_processors() {
    let server = EnvServer::start(&[], &[]).await;
    let mut client = server.client().await;
    for id in ["idle", "busy"] {
        create(&mut client, id).await;
    }
    client.step(code_step("idle", 0, "1")).await.unwrap();
    let mut fuel = 0;
    for index in 0..2 {
        let code = "for _ in range(1_000_000): pass";
        let taken = client.step(code_step("busy", index, code)).await.unwrap().into_inner();
        fuel += taken.info.unwrap().fuel_used;
    }
    let fork = v1::ForkEpisodeRequest {
        episode_id: "busy".to_owned(),
        new_episode_ids: vec!["fork".to_owned()],
        at_step_index: None,
    };
    client.fork_episode(fork).await.unwrap();
    let listed = client.list_episodes(v1::ListEpisodesRequest::default()).await.unwrap().into_inner();
    let usage = |id: &str| {
        let episode = listed.episodes.iter().find(|episode| episode.episode_id == id).unwrap();
        (episode.fuel_used, Duration::try_from(episode.run_time.unwrap()).unwrap())
    };
    assert_eq!(usage("busy").0, fuel);
    assert!(usage("busy").1 > usage("idle").1 && usage("idle").1 > Duration::ZERO);
    assert!(usage("idle").0 < fuel / 100, "{:?}", usage("idle"));
    assert_eq!(usage("fork"), (0, Duration::ZERO));

    // A step that is stopped has used its fuel, too.
    let mut endless = Request::new(code_step("idle", 1, "while True: pass"));
    endless.set_timeout(Duration::from_millis(1500));
    client.step(endless).await.unwrap_err();
    server.wait_for_log("a long step has ended").await;
    let found = v1::GetEpisodeRequest { episode_id: "idle".to_owned(), ..Default::default() };
    let found = client.get_episode(found).await.unwrap().into_inner().episode.unwrap();
    assert!(found.fuel_used > 100_000_000, "{found:?}");
    assert!(server.log().contains(r#"episode_id="idle" tenant="default" index=1 outcome="stopped""#));
}

/// One of each thing that nobody may see, in every way of calling.
#[tokio::test]
async fn nothing_that_is_hidden_is_in_the_log_or_in_metrics() {
    const TOKEN: &str = "TOKENMARKER-0123456789abcdef";
    let lines = token_line(TOKEN, "marked", "agent");
    let guarded = Guarded::start_logging("trace", &lines, &["--log-format", "json"]).await;
    let mut task: Value = serde_json::from_str(&knapsack_task()).unwrap();
    task["private"]["items"]["item_00272927c9b6"]["class"] = json!("PRIVATEMARKER");
    task["reference"]["note"] = json!("REFERENCEMARKER");
    let mut client = guarded.client(TOKEN).await;
    let create = v1::CreateEpisodeRequest {
        episode_id: "seen-id".to_owned(),
        ..create_request(&task.to_string(), InterpreterState::Persistent)
    };
    client.create_episode(create).await.unwrap();
    let steps = [
        code_step("seen-id", 0, "x = 'CODEMARKER'; print('OUT' + 'PUTMARKER')"),
        code_step("seen-id", 1, "import sys; print('ERR' + 'MARKER', file=sys.stderr); CODEMARKER +"),
        code_step("seen-id", 2, "raise ValueError('EXCEPTION' + 'MARKER')"),
        code_step("seen-id", 3, "inspect('ARGU' + 'MENTMARKER')"),
        tool_step("seen-id", 4, "inspect", r#"["ARGUMENTMARKER"]"#),
        tool_step("seen-id", 5, "TOOLNAMEMARKER", "[]"),
        code_step("seen-id", 7, "'CODEMARKER'"),
        code_step("seen-id", 2, "'CODEMARKER again'"),
    ];
    let taken = client.step(steps[0].clone()).await.unwrap().into_inner();
    assert_eq!(taken.observation.unwrap().output, "OUTPUTMARKER\n");
    let stream = tokio_stream::iter(steps.clone());
    let mut answers = client.step_stream(stream).await.unwrap().into_inner();
    let mut failed = 0;
    while let Some(answer) = answers.next().await {
        failed +=
            usize::from(matches!(answer.unwrap().result, Some(v1::step_stream_response::Result::Error(_))));
    }
    assert!(failed >= 2, "the gap and the conflict");
    client.step_batch(v1::StepBatchRequest { steps: steps.to_vec() }).await.unwrap();
    let url = format!("{}/runtime_gym.env.v1.EnvironmentService/Step", guarded.server.url);
    let body = json!({ "episodeId": "seen-id", "stepIndex": 6, "code": { "code": "print('CODEMARKER')" } });
    let answer = http().post(url).bearer_auth(TOKEN).json(&body).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("CODEMARKER"));
    let mut boss = guarded.client("boss").await;
    let private = v1::GetEpisodeRequest {
        episode_id: "seen-id".to_owned(),
        include_private: true,
        include_steps: true,
        ..Default::default()
    };
    let told = boss.get_episode(private).await.unwrap().into_inner();
    assert!(told.task_json.contains("PRIVATEMARKER") && told.task_json.contains("REFERENCEMARKER"));
    client.close_episode(v1::CloseEpisodeRequest { episode_id: "seen-id".to_owned() }).await.unwrap();

    let (_, page) = get(&guarded.server, "/metrics", Some("boss")).await;
    let log = guarded.server.log();
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    for part in
        [r#""level":"TRACE""#, r#""target":"h2"#, r#""episode_id":"seen-id""#, r#""outcome":"exception""#]
    {
        assert!(log.contains(part), "{part} is not in the log");
    }
    assert!(page.contains(r#"tenant="marked""#) && !page.contains("seen-id"), "{page}");
    for marker in [
        "PRIVATEMARKER",
        "REFERENCEMARKER",
        "CODEMARKER",
        "PUTMARKER",
        "ERRMARKER",
        "EXCEPTIONMARKER",
        "MENTMARKER",
        "TOOLNAMEMARKER",
        "TOKENMARKER",
    ] {
        let line = log.lines().chain(page.lines()).find(|line| line.contains(marker));
        assert_eq!(line, None, "{marker}");
    }
}
