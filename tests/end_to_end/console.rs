//! The console of an environment server: who gets the page, who hears what happens, and what they hear.

use std::time::Duration;

use client::EnvClient;
use proto::env::v1::{self, InterpreterState};
use reqwest::{Response, StatusCode, redirect};
use serde_json::{Value, json};
use tests::{EnvServer, Guarded, code_step, create_request, knapsack_task};
use tokio::time::timeout;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn http() -> reqwest::Client {
    // Fails if another test was first: one is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

async fn get(server: &EnvServer, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = http().get(format!("{}{path}", server.url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

async fn create(client: &mut EnvClient, id: &str) {
    let request = create_request(&knapsack_task(), InterpreterState::Persistent);
    client.create_episode(v1::CreateEpisodeRequest { episode_id: id.to_owned(), ..request }).await.unwrap();
}

/// A stream of events.
struct Events {
    answer: Response,
    read: String,
}

impl Events {
    async fn open(server: &EnvServer, headers: &[(&str, &str)]) -> Self {
        let answer = get(server, "/console/api/live", headers).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        Self { answer, read: String::new() }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let told = field("event: ")
                    .map(|kind| (kind.to_owned(), serde_json::from_str(field("data: ").unwrap()).unwrap()));
                self.read = rest.to_owned();
                match told {
                    Some(told) => return Some(told),
                    // A comment, which keeps the connection alive.
                    None => continue,
                }
            }
            let chunk = timeout(PATIENCE, self.answer.chunk()).await.expect("something is told").unwrap()?;
            self.read.push_str(str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next change that has something under this key.
    async fn next_with(&mut self, key: &str) -> Value {
        loop {
            let (kind, mut data) = self.next().await.unwrap();
            assert_eq!(kind, "change", "{data}");
            if data.get(key).is_some() {
                return data[key].take();
            }
        }
    }
}

#[tokio::test]
async fn the_page_needs_no_token_and_what_happens_an_operator_s() {
    let guarded = Guarded::start("").await;
    let server = &guarded.server;
    let there = get(server, "/console", &[]).await;
    assert_eq!(
        (there.status(), &there.headers()["location"]),
        (StatusCode::PERMANENT_REDIRECT, &"console/".parse().unwrap())
    );
    for path in ["/console/", "/console/index.html", "/console/index.js", "/console/index.css"] {
        let page = get(server, path, &[]).await;
        assert_eq!(page.status(), 200, "{path}");
        assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        let etag = page.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(get(server, path, &[("if-none-match", &etag)]).await.status(), 304, "{path}");
    }
    assert_eq!(get(server, "/console/none.js", &[]).await.status(), 404);
    for (token, status, words) in [(None, 401, "Bearer TOKEN"), (Some("Bearer red"), 403, "--role operator")]
    {
        let header = token.map(|token| ("authorization", token));
        let refused = get(server, "/console/api/live", header.as_slice()).await;
        assert_eq!(refused.status(), status);
        let text = refused.text().await.unwrap();
        assert!(text.contains(words) && !text.contains("rows"), "{text}");
    }
    create(&mut guarded.client("red").await, "mine").await;
    create(&mut guarded.client("blue").await, "mine").await;
    let mut events = Events::open(server, &[("authorization", "Bearer boss")]).await;
    let (kind, whole) = events.next().await.unwrap();
    assert_eq!((kind.as_str(), &whole["allowed"]), ("whole", &json!({"write": false, "private": true})));
    let mut tenants: Vec<&str> =
        whole["rows"].as_array().unwrap().iter().map(|row| row["tenant"].as_str().unwrap()).collect();
    tenants.sort_unstable();
    assert_eq!(tenants, ["blue", "red"], "ids of two tenants are two episodes");
    let hidden = knapsack_task();
    let hidden: Value = serde_json::from_str(&hidden).unwrap();
    let text = whole.to_string();
    for (name, value) in hidden["private"].as_object().unwrap() {
        assert!(!text.contains(&value.to_string()) || value.to_string().len() < 8, "{name} is told");
    }
}

#[tokio::test]
async fn the_whole_is_told_first_and_then_what_changes() {
    let server = EnvServer::start(&[], &["--console", "write"]).await;
    let mut client = server.client().await;
    create(&mut client, "one").await;
    client.step(code_step("one", 0, "print(1)")).await.unwrap();
    let mut events = Events::open(&server, &[]).await;
    let mut other = Events::open(&server, &[]).await;
    let (kind, whole) = events.next().await.unwrap();
    assert_eq!(kind, "whole");
    assert_eq!(whole["allowed"], json!({"write": true, "private": false}));
    let row = &whole["rows"][0];
    assert_eq!((&row["id"], &row["steps"], &row["end"]), (&json!("one"), &json!(1), &Value::Null));
    assert_eq!(
        (&row["state"], &row["family"], &row["tenant"]),
        (&json!("persistent"), &json!("knapsack"), &json!("default"))
    );
    let now = &whole["now"];
    assert_eq!((&now["running"], &now["steps"], &now["outcomes"]), (&json!(1), &json!(1), &json!({"ok": 1})));
    assert_eq!(now["latency"]["run"]["count"], 1);
    assert!(now["memory"]["used"].as_u64().unwrap() > 0 && now["connections"]["open"].as_u64().unwrap() > 0);
    assert_eq!(other.next().await.unwrap().1["rows"], whole["rows"]);

    client.step(code_step("one", 1, "1 / 0")).await.unwrap();
    for events in [&mut events, &mut other] {
        let moved = events.next_with("moved").await;
        assert_eq!(moved.as_array().unwrap().len(), 1);
        assert_eq!((&moved[0]["id"], &moved[0]["steps"]), (&json!("one"), &json!(2)));
        assert!(moved[0].get("task").is_none(), "what stays is told once");
        let now = events.next_with("now").await;
        assert_eq!((&now["steps"], &now["outcomes"]), (&json!(2), &json!({"ok": 1, "exception": 1})));
    }
    let fork = v1::ForkEpisodeRequest {
        episode_id: "one".to_owned(),
        new_episode_ids: vec!["two".to_owned()],
        at_step_index: Some(1),
    };
    client.fork_episode(fork).await.unwrap();
    let rows = events.next_with("rows").await;
    assert_eq!(
        (&rows[0]["id"], &rows[0]["forked_from"], &rows[0]["steps"]),
        (&json!("two"), &json!("one"), &json!(1))
    );
    client.close_episode(v1::CloseEpisodeRequest { episode_id: "two".to_owned() }).await.unwrap();
    assert_eq!(events.next_with("moved").await[0]["end"], "closed");
    let now = events.next_with("now").await;
    assert_eq!(now["ends"], json!({"closed": 1}));
    assert!(now["latency"]["run"].is_null(), "no step in the last second: {now}");
}

#[tokio::test]
async fn streams_do_not_hold_up_the_end_of_a_server() {
    let server = EnvServer::start(&[], &[]).await;
    let mut events = Events::open(&server, &[]).await;
    let began = std::time::Instant::now();
    let ended = tokio::spawn(server.stop());
    while events.next().await.is_some() {}
    assert!(ended.await.unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn pages_elsewhere_get_nothing() {
    let guarded = Guarded::start("").await;
    let server = EnvServer::start(&[], &[]).await;
    let port = server.url.rsplit(':').next().unwrap();
    let own = format!("localhost:{port}");
    for (path, header, status) in [
        ("/console/", ("host", "example.org"), 403),
        ("/console/api/live", ("host", "example.org:80"), 403),
        ("/console/", ("host", own.as_str()), 200),
        ("/console/", ("host", "10.1.2.3"), 200),
        ("/console/api/live", ("origin", "http://example.org"), 403),
        ("/console/api/live", ("sec-fetch-site", "cross-site"), 403),
        ("/console/api/live", ("sec-fetch-site", "same-origin"), 200),
        // A link elsewhere may lead to the page.
        ("/console/", ("sec-fetch-site", "cross-site"), 200),
    ] {
        let answer = get(&server, path, &[header]).await;
        assert_eq!(answer.status(), status, "{path}, {header:?}");
        assert_eq!(answer.headers()["cross-origin-resource-policy"], "same-origin");
    }
    // With tokens the server has whichever name: a page elsewhere has no token.
    assert_eq!(get(&guarded.server, "/console/", &[("host", "gym.example.org")]).await.status(), 200);
}

#[tokio::test]
async fn off_serves_none_of_it() {
    let server = EnvServer::start(&[], &["--console", "off"]).await;
    for path in ["/console", "/console/", "/console/index.js", "/console/api/live"] {
        let answer = get(&server, path, &[]).await;
        assert!(
            !answer.status().is_success() && !answer.status().is_redirection(),
            "{path}: {}",
            answer.status()
        );
    }
}
