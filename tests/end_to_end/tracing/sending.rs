//! What OpenTelemetry's variables say, and a collector that is away.

use std::time::{Duration, Instant};

use lifecycle::telemetry::names;
use proto::env::v1;
use tests::{EnvServer, code_step, program, tiny_tasks};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::agent::{model, play};
use super::collector::Collector;
use super::{ENDPOINT, create, rpc, terminate};

#[tokio::test]
async fn a_server_s_own_name_and_sampler_are_the_standard_s() {
    let collector = Collector::start().await;
    let variables = [
        (ENDPOINT, collector.url.as_str()),
        ("OTEL_SERVICE_NAME", "my gym"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=mine"),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ];
    let server = EnvServer::start_with(&variables, "info", &[], &[]).await;
    let mut client = server.client().await;
    create(&mut client, "mine").await;
    let [created] = &collector.wait_for(&rpc("CreateEpisode"), 1).await[..] else { panic!() };
    assert!(created.service == "my gym" && created.span.parent_span_id.is_empty(), "{created:?}");
    let text = collector.text();
    assert!(
        text.contains("deployment.environment.name") && text.contains(r#"StringValue("mine")"#),
        "{text}"
    );
    // The client goes away while its step runs.
    let mut gone = server.client().await;
    let endless = tokio::spawn(async move { gone.step(code_step("mine", 0, "while True: pass")).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    endless.abort();
    let [call] = &collector.wait_for(&rpc("Step"), 1).await[..] else { panic!() };
    assert_eq!(call.get(names::RPC_STATUS), "CANCELLED");
    client.close_episode(v1::CloseEpisodeRequest { episode_id: "mine".to_owned() }).await.unwrap();
    let [step] = &collector.wait_for(names::STEP, 1).await[..] else { panic!() };
    assert!(call.is_parent_of(step) && step.get(names::OUTCOME) == "stopped", "{step:?}");
}

#[tokio::test]
async fn a_collector_that_is_away_harms_nothing() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed}");
    let variables = [
        (ENDPOINT, endpoint.as_str()),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
    ];
    let server = EnvServer::start_with(&variables, "info", &[], &[]).await;
    let mut client = server.client().await;
    create(&mut client, "mine").await;
    // More than the queue holds.
    for index in 0..100 {
        client.step(code_step("mine", index, "1")).await.unwrap();
    }
    server.wait_for_log("spans could not be sent").await;
    let began = Instant::now();
    let server = terminate(server).await;
    assert!(began.elapsed() < lifecycle::DRAIN, "{:?}", began.elapsed());
    let log = server.log();
    assert_eq!(log.matches("spans could not be sent").count(), 1, "{log}");
    assert!(log.contains(&endpoint) && !log.contains("ERROR"), "{log}");

    let (url, _) = model(&["```python\nfinish()\n```"]).await;
    let tasks = tiny_tasks();
    let server = EnvServer::start(&[tasks.path()], &[]).await;
    let played = play(&url, &server.url, &variables[..1]).await;
    let said = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success() && said.contains("warning: ") && said.contains(&endpoint), "{said}");
}

#[tokio::test]
async fn a_wrong_value_is_an_error_at_the_start_and_spans_can_be_switched_off() {
    let collector = Collector::start().await;
    let sampler = ("OTEL_TRACES_SAMPLER", "sometimes");
    let run = async |variables: &[(&str, &str)]| {
        let mut server = Command::new(program("env-server"));
        let server = server.args(["serve", "--listen", "127.0.0.1:0", "--until-stdin-closes"]);
        let output = server.envs(variables.iter().copied()).stdin(std::process::Stdio::null()).output();
        let output = output.await.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (succeeded, said) = run(&[(ENDPOINT, &collector.url), sampler]).await;
    assert!(!succeeded && said.contains("error: OTEL_TRACES_SAMPLER is `sometimes`: must be"), "{said}");
    let played = play("http://127.0.0.1:1/v1", "http://127.0.0.1:1", &[(ENDPOINT, "collector:4317")]).await;
    let said = String::from_utf8_lossy(&played.stderr);
    assert!(
        !played.status.success() && said.contains("OTEL_EXPORTER_OTLP_ENDPOINT is `collector:4317`"),
        "{said}"
    );
    // Without a collector nothing of it is looked at.
    assert!(run(&[sampler]).await.0);
    assert!(run(&[(ENDPOINT, &collector.url), ("OTEL_SDK_DISABLED", "true")]).await.0);
    assert!(collector.spans().is_empty());
}
