//! Episodes over a socket, beside gRPC.

use proto::env::v1::create_episode_request::Task;
use proto::env::v1::{CreateEpisodeRequest, InterpreterState, TaskRef};
use serde_json::{Value, json};
use tests::Episode;

use super::socket::{Socket, start};

const CODE: [&str; 4] = [
    "import json, random\nids = json.loads(list_items())\nprint(ids[0], random.random())",
    "print(inspect(ids[0]))\nfor i in ids:\n    try:\n        take_item(i)\n    except Exception as e:\n        pass",
    "1 / 0",
    "finish()",
];

/// The same actions give the same observations and the same score as over gRPC.
#[tokio::test]
async fn an_episode_is_the_same_as_over_grpc() {
    let (server, _tasks) = start(&[]).await;
    for (name, state) in [("persistent", InterpreterState::Persistent), ("reset", InterpreterState::Reset)] {
        let mut socket = Socket::open(&server.url, &format!("{name}/knapsack")).await;
        let begun = socket.reset(json!({ "task_id": "knapsack-0000000001", "seed": 7 })).await;
        assert_eq!((&begun["reward"], &begun["done"]), (&Value::Null, &json!(false)), "{begun}");
        assert_eq!(begun["metadata"]["interpreter_state"], name);
        assert_eq!((&begun["metadata"]["seed"], &begun["metadata"]["step_count"]), (&json!(7), &json!(0)));

        let task_ref = TaskRef { task_id: "knapsack-0000000001".to_owned(), ..TaskRef::default() };
        let request = CreateEpisodeRequest {
            task: Some(Task::TaskRef(task_ref)),
            interpreter_state: state.into(),
            seed: Some(7),
            ..CreateEpisodeRequest::default()
        };
        let mut episode = Episode::create(server.client().await, request).await.unwrap();
        for (index, code) in CODE.into_iter().enumerate() {
            let (told, wanted) = (socket.run(code).await, episode.run(code).await);
            let seen = wanted.observation.unwrap();
            for (field, value) in [
                ("output", json!(seen.output)),
                ("error", json!(seen.error)),
                ("success", json!(seen.success)),
                ("globals", json!(seen.globals)),
            ] {
                assert_eq!(told["observation"][field], value, "{name}, step {index}: {field}");
            }
            assert_eq!(told["reward"], json!(wanted.reward), "{told}");
            assert_eq!(told["done"], json!(wanted.terminated), "{told}");
            assert_eq!(told["metadata"]["fuel_used"], json!(wanted.info.unwrap().fuel_used));
            if let Some(evaluation) = wanted.evaluation {
                assert_eq!(told["metadata"]["end_reason"], "finished");
                assert_eq!(told["metadata"]["evaluation"]["score"], json!(evaluation.score));
                assert_eq!(evaluation.score > 0.0, name == "persistent", "{told}");
            }
        }
        let error = socket.error(json!({ "type": "step", "data": { "code": "" } })).await;
        assert_eq!((&error["code"], &error["reason"]), (&json!("EXECUTION_ERROR"), &json!("EPISODE_ENDED")));
    }
}

#[tokio::test]
async fn the_state_counts_the_steps_of_the_latest_episode() {
    let (server, _tasks) = start(&[]).await;
    let mut socket = Socket::open(&server.url, "persistent/knapsack").await;
    let state = json!({ "type": "state" }).to_string();
    let none = json!({ "episode_id": null, "step_count": 0, "done": false });
    assert_eq!(socket.ask_text(&state).await, ("state".to_owned(), none));
    for id in ["first", "second"] {
        let begun = socket.reset(json!({ "episode_id": id })).await;
        assert_eq!(begun["metadata"]["episode_id"], id);
        socket.run("x = 1").await;
        socket.run("x += 1").await;
        let wanted = json!({ "episode_id": id, "step_count": 2, "done": false });
        assert_eq!(socket.ask_text(&state).await.1, wanted);
    }
    let mut client = server.client().await;
    let info = client.get_server_info(proto::env::v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.running_episodes, 1, "the first was closed");
}

/// Without a choice tasks come in turn, for all sessions together; a seed, a number and an id choose one.
#[tokio::test]
async fn a_reset_chooses_a_task() {
    let (server, _tasks) = start(&[]).await;
    let mut sockets = Vec::new();
    for place in ["persistent/knapsack", "reset/tiny:knapsack"] {
        sockets.push(Socket::open(&server.url, place).await);
    }
    let mut ids = Vec::new();
    for turn in 0..4 {
        let begun = sockets[turn % 2].reset(json!({})).await;
        ids.push(begun["metadata"]["task_id"].as_str().unwrap().to_owned());
    }
    let wanted: Vec<String> = (0..4).map(|number| format!("knapsack-{number:010}")).collect();
    assert_eq!(ids, wanted);
    let count = sockets[0].reset(json!({ "seed": 0 })).await["metadata"]["task_id"].clone();
    assert_eq!(count, "knapsack-0000000000");
    for (data, task_id) in [
        (json!({ "seed": 3 }), "knapsack-0000000003"),
        (json!({ "seed": 3, "task_index": 1 }), "knapsack-0000000001"),
        (json!({ "seed": 3, "task_id": "knapsack-0000000002" }), "knapsack-0000000002"),
        (json!({ "seed": null, "episode_id": null, "task_index": 4 }), "knapsack-0000000004"),
    ] {
        assert_eq!(sockets[1].reset(data.clone()).await["metadata"]["task_id"], task_id, "{data}");
    }
}

#[tokio::test]
async fn a_reset_sets_limits_and_semantics() {
    let (server, _tasks) = start(&[]).await;
    let mut socket = Socket::open(&server.url, "persistent/knapsack").await;
    let limits = json!({ "max_steps": 2, "wall_clock_per_step": 2.5 });
    let begun = socket.reset(json!({ "limits": limits, "semantics": "notebook", "lease": 60 })).await;
    let facts = &begun["metadata"];
    assert_eq!(facts["limits"]["max_steps"], 2);
    assert_eq!(facts["limits"]["wall_clock_per_step"], 2.5);
    assert_eq!((&facts["semantics"], &facts["lease"]), (&json!("notebook"), &json!(60.0)));
    assert_eq!(socket.run("6 * 7").await["observation"]["output"], "42\n");
    let last = socket.run("").await;
    assert_eq!((&last["done"], &last["metadata"]["truncated"]), (&json!(true), &json!(true)));
    assert_eq!(last["metadata"]["end_reason"], "max_steps");
}

#[tokio::test]
async fn tools_are_called_without_code_and_by_json_rpc() {
    let (server, _tasks) = start(&[]).await;
    let mut socket = Socket::open(&server.url, "reset/knapsack").await;
    let begun = socket.reset(json!({})).await;
    assert_eq!(begun["observation"]["tools"][1]["parameters"], json!([{ "name": "item_id", "type": "str" }]));
    assert!(begun["observation"]["public"].is_object() && begun["observation"]["goal"].is_string());
    let calls = json!([{ "name": "list_items" }, { "name": "inspect", "arguments": ["nothing"] }]);
    let message = json!({ "type": "step", "data": { "tool_calls": calls } });
    let (_, told) = socket.ask_text(&message.to_string()).await;
    let results = &told["observation"]["tool_results"];
    assert!(results[0]["result"].is_string() && results[0]["error"].is_null(), "{told}");
    assert_eq!(results[1]["arguments"], json!(["nothing"]));
    assert_eq!(results[1]["error_type"], "ToolRuntimeException", "{told}");

    let params = json!({ "name": "run_python", "arguments": { "code": "print(6 * 7)" } });
    let call = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    let (kind, told) = socket.ask_text(&json!({ "type": "mcp", "data": call }).to_string()).await;
    assert_eq!((kind.as_str(), &told["id"]), ("mcp", &json!(5)));
    assert_eq!(told["result"]["structuredContent"]["observation"]["output"], "42\n");
    let list = json!({ "type": "mcp", "data": { "jsonrpc": "2.0", "id": "a", "method": "tools/list" } });
    assert_eq!(socket.ask_text(&list.to_string()).await.1["result"]["tools"][0]["name"], "run_python");
}
