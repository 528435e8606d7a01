//! What is answered without a socket.

use reqwest::Client;
use serde_json::{Value, json};

use super::socket::start;

struct Http {
    client: Client,
    base: String,
}

impl Http {
    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.client.post(format!("{}{path}", self.base)).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[tokio::test]
async fn a_place_is_a_whole_server() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, _tasks) = start(&[]).await;
    let http = Http { client: Client::new(), base: format!("{}/openenv/persistent/knapsack", server.url) };
    assert_eq!(http.get("/health").await, json!({ "status": "healthy" }));
    assert_eq!(http.get("/state").await["step_count"], 0);
    let metadata = http.get("/metadata").await;
    assert!(metadata["description"].as_str().unwrap().contains("are there in the next"), "{metadata}");
    // A text that is not JSON is taken for the one required field of an action.
    assert_eq!(http.get("/schema").await["action"]["required"], json!(["code"]));
    assert!(http.get("/openapi.json").await["paths"]["/step"]["post"].is_object());

    let (status, begun) = http.post("/reset", &json!({ "seed": 2 })).await;
    assert_eq!((status, &begun["metadata"]["task_id"]), (200, &json!("knapsack-0000000002")));
    let (status, told) = http.post("/step", &json!({ "action": { "code": "print(6 * 7)" } })).await;
    assert_eq!((status, &told["observation"]["output"]), (200, &json!("42\n")));
    let (status, wrong) = http.post("/step", &json!({ "action": { "kode": "" } })).await;
    assert_eq!((status, &wrong["detail"][0]["loc"]), (422, &json!(["action", "kode"])), "{wrong}");
    let endless = json!({ "action": { "code": "while True: pass" }, "timeout_s": 0.5 });
    assert_eq!(http.post("/step", &endless).await.0, 504);

    let call = json!({ "name": "run_python", "arguments": { "code": "print(1)" } });
    let (_, ran) = http
        .post("/mcp", &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call }))
        .await;
    assert_eq!(ran["result"]["structuredContent"]["observation"]["output"], "1\n", "{ran}");
    assert_eq!(
        http.post("/mcp", &json!({})).await,
        (
            200,
            json!({
                "jsonrpc": "2.0", "id": null,
                "error": { "code": -32600, "message": "Invalid request: missing field `jsonrpc`", "data": null },
            })
        )
    );
    let mut client = server.client().await;
    let info = client.get_server_info(proto::env::v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.running_episodes, 0, "each call closes its episode");
}

#[tokio::test]
async fn tasks_are_told_by_number() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, _tasks) = start(&[]).await;
    let http = Http { client: Client::new(), base: format!("{}/openenv/reset/knapsack", server.url) };
    let name = http.get("/list_environments").await[0].as_str().unwrap().to_owned();
    assert_eq!(http.get(&format!("/{name}/splits")).await[0]["name"], "all");
    let ask = async |method: &str, body: Value| http.post(&format!("/{name}/{method}"), &body).await.1;
    let count = ask("num_tasks", json!({ "split": "all" })).await["num_tasks"].as_u64().unwrap();
    let all = ask("tasks", json!({ "split": "all" })).await;
    assert_eq!(all["tasks"].as_array().unwrap().len() as u64, count);
    let one = ask("task", json!({ "split": "all", "index": 1 })).await;
    assert_eq!(one["task"], all["tasks"][1]);
    let some = ask("task_range", json!({ "split": "all", "start": 1, "stop": 3 })).await;
    assert_eq!(some["tasks"].as_array().unwrap()[..], all["tasks"].as_array().unwrap()[1..3]);
    let (status, _) = http.post(&format!("/{name}/task"), &json!({ "split": "all", "index": count })).await;
    assert_eq!(status, 422);
    assert_eq!(http.post("/chess/num_tasks", &json!({ "split": "all" })).await.0, 404);
}
