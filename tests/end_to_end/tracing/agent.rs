//! `agent run` against a model that says what a test wants.

use std::process::Output;
use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use serde_json::json;
use tests::program;
use tokio::net::TcpListener;
use tokio::process::Command;

/// A model server of OpenAI's API, which answers with these texts, one after the other, and keeps the callers' spans.
pub async fn model(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let callers = Arc::new(Mutex::new(Vec::new()));
    let kept = callers.clone();
    let chat = move |headers: HeaderMap| async move {
        let mut kept = kept.lock().unwrap();
        let answer = answers[kept.len()];
        kept.push(headers["traceparent"].to_str().unwrap().to_owned());
        axum::Json(json!({
            "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": answer } }],
            "usage": { "prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16 },
        }))
    };
    let routes = axum::Router::new().route("/v1/chat/completions", axum::routing::post(chat));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, callers)
}

/// Plays one episode by `agent run`, with these environment variables.
pub async fn play(model: &str, environment: &str, variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "output_dir": folder.path(), "run_name": "traced", "task_families": ["knapsack"], "agents": [{
            "name": "tracer", "agent_type": "codeact", "persistent_state": true,
            "llm": { "backend": "openai", "model": "tiny", "url": model, "stream": false },
        }],
    });
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, config.to_string()).unwrap();
    let mut agent = Command::new(program("agent"));
    agent.args(["run", "--max-examples", "1", "--env", environment, "--config"]).arg(path);
    agent.envs(variables.iter().copied()).output().await.unwrap()
}
