//! The calls over HTTP without a gRPC client: JSON by Connect's protocol, and gRPC-Web.

use prost::Message as _;
use proto::env::v1::{self, InterpreterState};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tests::{EnvServer, Episode, create_request, knapsack_task};

const SERVICE: &str = "runtime_gym.env.v1.EnvironmentService";

struct Http {
    server: EnvServer,
    client: Client,
}

impl Http {
    async fn start() -> Self {
        // Fails if another test was first: one is enough.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { server: EnvServer::start(&[], &[]).await, client: Client::new() }
    }

    fn url(&self, method: &str) -> String {
        format!("{}/{SERVICE}/{method}", self.server.url)
    }

    async fn json(&self, method: &str, body: &Value) -> (u16, Value) {
        let answer = self.client.post(self.url(method)).json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        assert_eq!(answer.headers()["content-type"], "application/json");
        (status, answer.json().await.unwrap())
    }

    async fn send(&self, method: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Response {
        let mut request = self.client.post(self.url(method)).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn episode(&self) -> Episode {
        let request = create_request(&knapsack_task(), InterpreterState::Persistent);
        Episode::create(self.server.client().await, request).await.unwrap()
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn an_episode_is_played_in_json() {
    let http = Http::start().await;
    let create = json!({
        "taskJson": knapsack_task(),
        "interpreterState": "INTERPRETER_STATE_PERSISTENT",
        "limits": { "wallClockPerStep": "20s", "fuelPerStep": "9007199254740993" },
    });
    let (status, refused) = http.json("CreateEpisode", &create).await;
    assert_eq!((status, &refused["code"]), (400, &json!("invalid_argument")), "too much fuel: {refused}");
    // 64-bit numbers are exact, as texts or as numbers, and names may be those of the .proto file.
    let create = json!({
        "task_json": knapsack_task(),
        "interpreter_state": 1,
        "seed": "18446744073709551615",
        "limits": { "wallClockPerStep": "20.5s" },
        "episodeId": "by-json",
    });
    let (status, created) = http.json("CreateEpisode", &create).await;
    assert_eq!(status, 200, "{created}");
    assert_eq!(created["seed"], "18446744073709551615");
    assert_eq!(created["limits"]["wallClockPerStep"], "20.500s");
    assert!(created["lease"]["expiresAt"].as_str().unwrap().ends_with('Z'), "{created}");

    let step =
        json!({ "episodeId": "by-json", "stepIndex": 0, "code": { "code": "print('h\u{e9}', 6 * 7)" } });
    let (status, stepped) = http.json("Step", &step).await;
    assert_eq!((status, &stepped["observation"]["output"]), (200, &json!("h\u{e9} 42\n")));
    assert_eq!(http.json("Step", &step).await.1, stepped, "the stored answer");
    let steps =
        json!({ "steps": [step, { "episodeId": "by-json", "stepIndex": 7, "code": { "code": "" } }] });
    let (_, batch) = http.json("StepBatch", &steps).await;
    assert_eq!(batch["results"][0]["response"], stepped);
    assert_eq!(batch["results"][1]["error"]["reason"], "STEP_GAP");
    let (_, closed) = http.json("CloseEpisode", &json!({ "episodeId": "by-json" })).await;
    assert_eq!(closed["endReason"], "END_REASON_CLOSED");
}

#[tokio::test]
async fn errors_are_json_with_the_status_of_http() {
    let http = Http::start().await;
    let (status, unknown) = http.json("GetEpisode", &json!({ "episodeId": "nobody" })).await;
    assert_eq!((status, &unknown["code"]), (404, &json!("not_found")));
    assert!(unknown["message"].as_str().unwrap().contains("no episode `nobody`"), "{unknown}");
    let info = &unknown["details"][0];
    assert_eq!(
        (&info["type"], &info["debug"]["reason"]),
        (&json!("google.rpc.ErrorInfo"), &json!("UNKNOWN_EPISODE"))
    );
    assert!(info["value"].as_str().unwrap().len() > 10, "{info}");

    let (status, refused) = http.json("CreateEpisode", &json!({ "taskJson": knapsack_task() })).await;
    assert_eq!((status, &refused["code"]), (400, &json!("invalid_argument")));
    let violations: Vec<&Value> = refused["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detail| &detail["debug"]["fieldViolations"])
        .collect();
    assert!(violations.iter().any(|found| found[0]["field"] == "interpreter_state"), "{refused}");

    for (body, named) in [
        (json!({ "episodeID": "x" }), "episodeID"),
        (json!({ "stepIndex": "many" }), "stepIndex"),
        (json!([]), "StepRequest"),
    ] {
        let (status, wrong) = http.json("Step", &body).await;
        assert_eq!((status, &wrong["code"]), (400, &json!("invalid_argument")), "{body}");
        assert!(wrong["message"].as_str().unwrap().contains(named), "{wrong}");
    }
    let (status, stream) = http.json("StepStream", &json!({})).await;
    assert_eq!((status, &stream["code"]), (501, &json!("unimplemented")));
    let operators = json!({ "episodeId": http.episode().await.id, "includePrivate": true });
    assert_eq!(http.json("GetEpisode", &operators).await.0, 403);
}

#[tokio::test]
async fn what_is_no_call_is_refused_and_says_why() {
    let http = Http::start().await;
    let get = http.client.get(http.url("GetServerInfo")).send().await.unwrap();
    assert_eq!(
        (get.status(), &get.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"POST".parse().unwrap())
    );
    let form =
        http.send("GetServerInfo", &[("content-type", "application/x-www-form-urlencoded")], "{}").await;
    assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(form.text().await.unwrap().contains("application/json"));
    for (headers, body, wanted) in [
        (&[JSON, ("content-encoding", "gzip")][..], "{}", 501),
        (&[JSON, ("connect-protocol-version", "2")], "{}", 400),
        (&[JSON, ("connect-timeout-ms", "soon")], "{}", 400),
        (&[JSON], "{", 400),
        (&[JSON], "{} {}", 400),
        (&[JSON], "", 400),
        (
            &[("content-type", "application/json; charset=utf-8"), ("connect-protocol-version", "1")],
            "{}",
            200,
        ),
        (&[JSON, ("connect-timeout-ms", "9999999999")], "{}", 200),
    ] {
        let answer = http.send("GetServerInfo", headers, body).await;
        assert_eq!(answer.status().as_u16(), wanted, "{headers:?} {body}");
    }
    let unknown = http.send("NoSuchCall", &[JSON], "{}").await;
    assert_eq!(unknown.status(), StatusCode::NOT_IMPLEMENTED);
}

#[tokio::test]
async fn a_timeout_is_a_deadline() {
    let http = Http::start().await;
    let mut episode = http.episode().await;
    let body = json!({ "episodeId": episode.id, "code": { "code": "while True: pass" } }).to_string();
    let answer = http.send("Step", &[JSON, ("connect-timeout-ms", "300")], body).await;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "deadline_exceeded");
    assert_eq!(episode.observe("print('as before')").await.output, "as before\n");
}

#[tokio::test]
async fn protobuf_and_http_2_do_as_well() {
    let mut http = Http::start().await;
    let binary = [("content-type", "application/proto")];
    let answer = http.send("GetServerInfo", &binary, v1::GetServerInfoRequest {}.encode_to_vec()).await;
    assert_eq!(answer.headers()["content-type"], "application/proto");
    let info = v1::GetServerInfoResponse::decode(answer.bytes().await.unwrap()).unwrap();
    assert!(info.python_version.starts_with("3.14"), "{info:?}");
    let wrong = http.send("GetServerInfo", &binary, vec![0xff]).await;
    assert!(!wrong.status().is_success());
    assert_eq!(wrong.headers()["content-type"], "application/json", "errors are JSON always");

    http.client = Client::builder().http2_prior_knowledge().build().unwrap();
    let (status, info) = http.json("GetServerInfo", &json!({})).await;
    assert_eq!((status, &info["families"][0]), (200, &json!("knapsack")));
    let health = format!("{}/grpc.health.v1.Health/Check", http.server.url);
    let health = http.client.post(health).json(&json!({ "service": SERVICE })).send().await.unwrap();
    assert_eq!(health.json::<Value>().await.unwrap(), json!({ "status": "SERVING" }));
}

/// What a browser's gRPC-Web client sends and reads: frames of a flag, a length and a body; the last one holds the trailers.
#[tokio::test]
async fn grpc_web_is_on_the_same_port() {
    let http = Http::start().await;
    let web = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    let answer = http.send("GetServerInfo", &web, vec![0; 5]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/grpc-web+proto");
    let body = answer.bytes().await.unwrap();
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    assert_eq!(body[0], 0);
    let info = v1::GetServerInfoResponse::decode(&body[5..5 + length]).unwrap();
    assert_eq!(info.families, ["knapsack", "navigation", "rule_diagnosis"]);
    let trailers = &body[5 + length..];
    assert_eq!(trailers[0], 0x80);
    assert!(String::from_utf8_lossy(&trailers[5..]).contains("grpc-status:0"), "{trailers:?}");

    // The call's deadline holds here too.
    let episode = http.episode().await;
    let step = tests::code_step(&episode.id, 0, "while True: pass").encode_to_vec();
    let mut framed = vec![0];
    framed.extend(u32::try_from(step.len()).unwrap().to_be_bytes());
    framed.extend(step);
    let [kind, web] = web;
    let late = http.send("Step", &[kind, web, ("grpc-timeout", "300m")], framed).await;
    let in_head = late.headers().get("grpc-status").cloned();
    let body = late.bytes().await.unwrap();
    let status =
        in_head.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), |status| format!("{status:?}"));
    assert!(
        [r#""4""#, "grpc-status:4"].iter().any(|late| status.contains(late)),
        "DEADLINE_EXCEEDED: {status}"
    );
}

/// A field of text that holds no UTF-8, and bytes that are no message at all.
#[tokio::test]
async fn what_cannot_be_decoded_is_the_callers_mistake() {
    let http = Http::start().await;
    let web = [("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")];
    for method in ["Step", "CreateEpisode", "StepStream"] {
        for message in [&[0x0a, 2, 0xff, 0xfe][..], &[0xff; 7]] {
            let mut framed = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
            framed.extend(message);
            let answer = http.send(method, &web, framed).await;
            let in_head = answer.headers().get("grpc-status").map(|status| format!("{status:?}"));
            let body = answer.bytes().await.unwrap();
            let status = in_head.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
            assert!(
                [r#""3""#, "grpc-status:3"].iter().any(|code| status.contains(code)),
                "{method}: {status}"
            );
        }
    }
}
