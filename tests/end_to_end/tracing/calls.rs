//! Calls within a caller's trace, in every protocol; and what no span tells.

use client::{Credentials, connect_as};
use lifecycle::telemetry::names;
use prost::Message as _;
use proto::env::v1::{self, InterpreterState};
use serde_json::{Value, json};
use tests::{EnvServer, Guarded, code_step, create_request, knapsack_task, token_line, tool_step};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request};

use super::collector::Collector;
use super::{ENDPOINT, create, rpc, terminate};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// Names a caller's span, which is sent or not.
fn traceparent(sent: bool) -> String {
    format!("00-{TRACE}-{CALLER}-0{}", u8::from(sent))
}

/// A call within the caller's trace.
fn within<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", traceparent(true).parse().unwrap());
    request.metadata_mut().insert("tracestate", "ours=1".parse().unwrap());
    request
}

#[tokio::test]
async fn calls_of_every_protocol_are_parts_of_their_callers_traces() {
    let collector = Collector::start().await;
    // Only traces that their callers keep.
    let variables = [(ENDPOINT, collector.url.as_str()), ("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
    let server = EnvServer::start_with(&variables, "info", &[], &[]).await;
    let mut client = server.client().await;
    create(&mut client, "mine").await;
    client.step(within(code_step("mine", 0, "1"))).await.unwrap();
    let batch = v1::StepBatchRequest { steps: vec![code_step("mine", 1, "1"), code_step("mine", 9, "1")] };
    client.step_batch(within(batch)).await.unwrap();
    let stream = tokio_stream::iter([code_step("mine", 2, "1"), code_step("mine", 2, "1")]);
    let mut answers = client.step_stream(within(stream)).await.unwrap().into_inner();
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
    let missing = v1::CloseEpisodeRequest { episode_id: "nobody".to_owned() };
    assert_eq!(client.close_episode(within(missing)).await.unwrap_err().code(), Code::NotFound);

    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let post = |method: &str, sent| {
        http.post(format!("{}/{}", server.url, rpc(method))).header("traceparent", traceparent(sent))
    };
    let step = json!({ "episodeId": "mine", "stepIndex": 3, "code": { "code": "1" } });
    assert!(post("Step", true).json(&step).send().await.unwrap().status().is_success());
    let refused = json!({ "episodeId": "mine", "includePrivate": true });
    assert_eq!(post("GetEpisode", true).json(&refused).send().await.unwrap().status(), 403);
    let keep = v1::KeepAliveRequest { episode_ids: vec!["mine".to_owned()] }.encode_to_vec();
    let framed = [&[0, 0, 0, 0, u8::try_from(keep.len()).unwrap()], &keep[..]].concat();
    let web = post("KeepAlive", true).header("content-type", "application/grpc-web+proto").body(framed);
    assert!(web.send().await.unwrap().status().is_success());
    // These are parts of no trace that is sent, are none of the service's, or do not exist.
    post("ListEpisodes", false).json(&json!({})).send().await.unwrap();
    post("NOSUCHMETHOD", true).json(&json!({})).send().await.unwrap();
    for path in ["/healthz", "/metrics"] {
        http.get(format!("{}{path}", server.url))
            .header("traceparent", traceparent(true))
            .send()
            .await
            .unwrap();
    }
    terminate(server).await;

    let spans = collector.spans();
    let mut calls: Vec<(String, String, String)> = Vec::new();
    let mut steps = Vec::new();
    for seen in &spans {
        assert_eq!(seen.ids().0, TRACE, "{seen:?}");
        if seen.span.name == names::STEP {
            let call = spans.iter().find(|call| call.is_parent_of(seen)).unwrap();
            let method = call.span.name.rsplit('/').next().unwrap();
            let values = [names::STEP_INDEX, names::OUTCOME, names::REPEATED, names::ERROR_TYPE];
            steps.push(format!("{method} {}", values.map(|name| seen.get(name)).join(" ")));
        } else {
            assert_eq!(seen.span.parent_span_id, u64::from_str_radix(CALLER, 16).unwrap().to_be_bytes());
            assert!(["", "ours=1"].contains(&seen.span.trace_state.as_str()), "{seen:?}");
            let status = seen.get(names::RPC_STATUS);
            calls.push((seen.span.name.replace(&rpc(""), ""), status, seen.get(names::REASON)));
        }
    }
    assert!(spans.iter().any(|seen| seen.span.trace_state == "ours=1"));
    steps.sort();
    assert_eq!(
        steps,
        [
            "Step 0 ok false ",
            "Step 3 ok false ",
            "StepBatch 1 ok false ",
            "StepBatch 9 refused  FAILED_PRECONDITION",
            "StepStream 2  true ",
            "StepStream 2 ok false ",
        ]
    );
    calls.sort();
    let calls: Vec<_> =
        calls.iter().map(|(name, code, reason)| [name, code, reason].map(String::as_str)).collect();
    assert_eq!(
        calls,
        [
            ["CloseEpisode", "NOT_FOUND", "UNKNOWN_EPISODE"],
            ["GetEpisode", "PERMISSION_DENIED", "OPERATOR_ONLY"],
            ["KeepAlive", "OK", ""],
            ["Step", "OK", ""],
            ["Step", "OK", ""],
            ["StepBatch", "OK", ""],
            ["StepStream", "OK", ""],
        ]
    );
}

/// One of each thing that nobody may see, in every way of calling.
#[tokio::test]
async fn nothing_that_is_hidden_is_in_a_span() {
    const TOKEN: &str = "TOKENMARKER-0123456789abcdef";
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, Guarded::tokens() + &token_line(TOKEN, "marked", "agent")).unwrap();
    let collector = Collector::start().await;
    let variables = [(ENDPOINT, collector.url.as_str()), ("OTEL_TRACES_SAMPLER", "always_on")];
    let arguments = ["--tokens", tokens.to_str().unwrap()];
    let server = EnvServer::start_with(&variables, "info", &[], &arguments).await;
    let client = |token: &str| {
        let credentials = Credentials { token: Some(token.to_owned()), roots: None };
        let url = server.url.clone();
        async move { connect_as(&url, &credentials).await.unwrap() }
    };
    let mut task: Value = serde_json::from_str(&knapsack_task()).unwrap();
    task["private"]["items"]["item_00272927c9b6"]["class"] = json!("PRIVATEMARKER");
    task["reference"]["note"] = json!("REFERENCEMARKER");
    let mut agent = client(TOKEN).await;
    let create = v1::CreateEpisodeRequest {
        episode_id: "seen-id".to_owned(),
        ..create_request(&task.to_string(), InterpreterState::Persistent)
    };
    agent.create_episode(create).await.unwrap();
    let steps = [
        code_step("seen-id", 0, "x = 'CODEMARKER'; print('OUT' + 'PUTMARKER')"),
        code_step("seen-id", 1, "import sys; print('ERR' + 'MARKER', file=sys.stderr); CODEMARKER +"),
        code_step(
            "seen-id",
            2,
            "class CLASSMARKER(Exception): pass\nraise CLASSMARKER('EXCEPTION' + 'MARKER')",
        ),
        code_step("seen-id", 3, "inspect('ARGU' + 'MENTMARKER')"),
        tool_step("seen-id", 4, "inspect", r#"["ARGUMENTMARKER"]"#),
        tool_step("seen-id", 5, "TOOLNAMEMARKER", "[]"),
        code_step("seen-id", 7, "'CODEMARKER'"),
        code_step("seen-id", 2, "'CODEMARKER again'"),
    ];
    agent.step(steps[0].clone()).await.unwrap();
    let mut answers = agent.step_stream(tokio_stream::iter(steps.clone())).await.unwrap().into_inner();
    while let Some(answer) = answers.next().await {
        answer.unwrap();
    }
    agent.step_batch(v1::StepBatchRequest { steps: steps.to_vec() }).await.unwrap();
    let private = v1::GetEpisodeRequest {
        episode_id: "seen-id".to_owned(),
        include_private: true,
        include_steps: true,
        ..Default::default()
    };
    let told = client("boss").await.get_episode(private).await.unwrap().into_inner();
    assert!(told.task_json.contains("PRIVATEMARKER") && told.task_json.contains("REFERENCEMARKER"));
    agent.close_episode(v1::CloseEpisodeRequest { episode_id: "seen-id".to_owned() }).await.unwrap();
    terminate(server).await;

    assert_eq!(collector.named(names::STEP).len(), 17, "each step of each call");
    let text = collector.text();
    assert!(
        text.contains("seen-id") && text.contains("\"marked\"") && text.contains("STEP_CONFLICT"),
        "{text}"
    );
    for marker in [
        "PRIVATEMARKER",
        "REFERENCEMARKER",
        "CODEMARKER",
        "PUTMARKER",
        "ERRMARKER",
        "EXCEPTIONMARKER",
        "CLASSMARKER",
        "MENTMARKER",
        "TOOLNAMEMARKER",
        "TOKENMARKER",
    ] {
        assert!(!text.contains(marker), "{marker}");
    }
}
