//! The Model Context Protocol: by the official Python SDK in both of its major versions, over HTTP and over standard input and
//! output, and by plain HTTP.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use proto::env::v1::GetServerInfoRequest;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{EnvServer, Guarded, program, root, tiny_tasks};
use tokio::time::{Instant, sleep};

/// Where `scripts/mcp_clients.sh` has installed the SDK.
static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(root().join("scripts/mcp_clients.sh")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
});

const VERSIONS: [&str; 2] = ["1", "2"];

/// A session of the SDK of this version, which makes these calls: the tools, and what was answered.
async fn session(version: &str, calls: &Value, server: &[&str]) -> (Value, Vec<Value>) {
    let output = tokio::process::Command::new(INSTALLED.join(version).join("bin/python"))
        .arg(root().join("tests/end_to_end/mcp/session.py"))
        .arg(calls.to_string())
        .args(server)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answers = told["answers"].as_array().unwrap().clone();
    (told["tools"].take(), answers)
}

fn run(code: &str) -> Value {
    json!(["run_python", { "code": code }])
}

fn text(answer: &Value) -> &str {
    answer["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}"))
}

async fn running(server: &EnvServer) -> u64 {
    let mut client = server.client().await;
    client.get_server_info(GetServerInfoRequest {}).await.unwrap().into_inner().running_episodes
}

async fn none_runs(server: &EnvServer) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while running(server).await > 0 {
        assert!(Instant::now() < deadline, "an episode still runs");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_interpreter_is_served_over_standard_input() {
    let program = program("env-server");
    let program = program.to_str().unwrap();
    for version in VERSIONS {
        let calls = json!([
            run("x = 41"),
            run("print(x + 1)\n1 / 0"),
            ["run_python", { "kode": "" }],
            ["dance", {}],
        ]);
        let (tools, answers) =
            session(version, &calls, &[program, "mcp", "--interpreter-state", "persistent"]).await;
        assert_eq!(tools.as_array().unwrap().len(), 1, "{tools}");
        assert!(tools[0]["description"].as_str().unwrap().contains("persists"), "{tools}");
        let [first, second, wrong, unknown] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!((text(first), &first["isError"]), ("", &json!(false)));
        assert!(text(second).starts_with("42\nTraceback"), "{second}");
        assert_eq!(second["isError"], true);
        assert_eq!(second["structuredContent"]["exception_type"], "ZeroDivisionError");
        assert_eq!(second["structuredContent"]["globals"], json!(["x"]));
        for (refused, part) in [(wrong, "kode"), (unknown, "dance")] {
            assert!(refused["raised"].as_str().unwrap().contains(part), "{refused}");
        }
        let calls = json!([run("x = 41"), run("print(x + 1)")]);
        let (tools, answers) =
            session(version, &calls, &[program, "mcp", "--interpreter-state", "reset"]).await;
        assert!(tools[0]["description"].as_str().unwrap().contains("is reset"), "{tools}");
        assert_eq!(answers[1]["structuredContent"]["exception_type"], "NameError");
    }
}

fn episode() -> Value {
    json!([
        run("1"),
        ["start_episode", { "task_index": 3 }],
        run("import json\nids = json.loads(list_items())"),
        run("print(len(ids), inspect(ids[0]))"),
        run("finish()"),
        run("1"),
        ["start_episode", {}],
        ["close_episode", {}],
        ["start_episode", { "task_id": "knapsack-0000000007" }],
    ])
}

fn assert_played(tools: &Value, answers: &[Value]) {
    let names: Vec<_> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["start_episode", "run_python", "close_episode"]);
    let [early, start, _, inspect, finish, late, next, close, chosen] = answers else {
        panic!("{answers:?}")
    };
    for (mistake, part) in [(early, "no episode"), (late, "has ended")] {
        assert_eq!(mistake["isError"], true);
        assert!(text(mistake).contains(part), "{mistake}");
    }
    let facts = |answer: &Value, field: &str| answer["_meta"]["runtime-gym/facts"][field].clone();
    assert_eq!(facts(start, "task_id"), "knapsack-0000000003");
    assert!(text(start).contains("inspect(item_id: str) -> str"), "{start}");
    assert_eq!(start["structuredContent"]["tools"][3]["name"], "finish");
    assert!(text(inspect).contains(r#"{"class":"#), "{inspect}");
    assert_eq!(facts(inspect, "done"), false);
    assert_eq!((facts(finish, "done"), facts(finish, "reward")), (json!(true), json!(0.0)));
    assert_eq!(facts(finish, "step")["end_reason"], "finished");
    assert_eq!(facts(next, "task_id"), "knapsack-0000000000");
    assert!(facts(close, "evaluation")["score"].is_number(), "{close}");
    assert_eq!(facts(chosen, "task_id"), "knapsack-0000000007");
}

#[tokio::test]
async fn episodes_are_played_over_standard_input() {
    let (program, tasks) = (program("env-server"), tiny_tasks());
    let server = [
        program.to_str().unwrap(),
        "mcp",
        "--interpreter-state",
        "persistent",
        "--tasks",
        tasks.path().to_str().unwrap(),
        "--play",
        "knapsack",
    ];
    for version in VERSIONS {
        let (tools, answers) = session(version, &episode(), &server).await;
        assert_played(&tools, &answers);
    }
}

async fn start(arguments: &[&str]) -> (EnvServer, TempDir) {
    let tasks = tiny_tasks();
    let arguments = [&["--gateways", "mcp"], arguments].concat();
    (EnvServer::start(&[tasks.path()], &arguments).await, tasks)
}

/// The last episode of a session is open when its client leaves.
#[tokio::test]
async fn episodes_are_played_over_http_and_end_with_their_sessions() {
    for version in VERSIONS {
        let (server, _tasks) = start(&[]).await;
        let url = format!("{}/mcp/persistent/knapsack", server.url);
        let (tools, answers) = session(version, &episode(), &[&url]).await;
        assert_played(&tools, &answers);
        assert!(tools[1]["description"].as_str().unwrap().contains("persists"), "{tools}");
        none_runs(&server).await;
        let url = format!("{}/mcp/reset/knapsack", server.url);
        let calls = json!([["start_episode", {}], run("x = 1"), run("print(x)")]);
        let (tools, answers) = session(version, &calls, &[&url]).await;
        assert!(tools[1]["description"].as_str().unwrap().contains("is reset"), "{tools}");
        assert_eq!(answers[2]["structuredContent"]["exception_type"], "NameError");
    }
}

/// A client over plain HTTP.
struct Http {
    client: Client,
    url: String,
    token: Option<&'static str>,
    session: Option<String>,
}

impl Http {
    fn new(server: &str, token: Option<&'static str>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("{server}/mcp/persistent/knapsack");
        Self { client: Client::new(), url, token, session: None }
    }

    async fn post(&self, message: &Value) -> Response {
        let accept = "application/json, text/event-stream";
        let mut request = self.client.post(&self.url).header("accept", accept).json(message);
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        request.send().await.unwrap()
    }

    async fn initialize(&mut self) {
        let client = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
        let asked = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let answer = self.post(&asked).await;
        assert_eq!(answer.status(), 200);
        self.session = Some(answer.headers()["mcp-session-id"].to_str().unwrap().to_owned());
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(self.post(&ready).await.status(), 202);
    }

    /// Calls a tool; what is answered, as text.
    async fn call(&self, name: &str, arguments: &Value) -> String {
        let params = json!({ "name": name, "arguments": arguments });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        self.post(&call).await.text().await.unwrap()
    }
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends_after_the_lease() {
    let (server, _tasks) = start(&["--lease", "3"]).await;
    let mut http = Http::new(&server.url, None);
    http.initialize().await;
    assert!(http.call("start_episode", &json!({})).await.contains("Functions:"));
    assert_eq!(running(&server).await, 1);
    none_runs(&server).await;
    assert_eq!(http.post(&json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" })).await.status(), 404);
}

#[tokio::test]
async fn strangers_and_web_pages_are_refused_and_sessions_are_their_tenants() {
    let tasks = tiny_tasks();
    let arguments = ["--gateways", "openenv,mcp", "--tasks", tasks.path().to_str().unwrap()];
    let guarded = Guarded::start_logging("info", "", &arguments).await;
    let url = &guarded.server.url;
    let stranger = Http::new(url, None);
    assert_eq!(stranger.post(&json!({})).await.status(), 401);
    let mut red = Http::new(url, Some("red"));
    red.initialize().await;
    assert!(red.call("start_episode", &json!({})).await.contains("Functions:"));
    let thief = Http { session: red.session.clone(), ..Http::new(url, Some("blue")) };
    assert!(thief.call("run_python", &json!({ "code": "1" })).await.contains("another tenant's"));
    assert!(red.call("run_python", &json!({ "code": "print(6 * 7)" })).await.contains("42"));
    let page = red.client.post(&red.url).bearer_auth("red").header("origin", url).json(&json!({}));
    assert_eq!(page.send().await.unwrap().status(), 403);
    assert!(guarded.server.stop().await.success(), "open sessions do not keep the server");
}
