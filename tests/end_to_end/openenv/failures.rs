//! Wrong messages, full servers, strangers, web pages.

use serde_json::json;
use tests::{EnvServer, Guarded, tiny_tasks};
use tokio_tungstenite::tungstenite::Error;

use super::socket::{Socket, start};

#[tokio::test]
async fn a_wrong_message_is_an_error_and_the_session_goes_on() {
    let (server, _tasks) = start(&[]).await;
    let mut socket = Socket::open(&server.url, "persistent/knapsack").await;
    let (kind, data) = socket.ask_text("{").await;
    assert_eq!((kind.as_str(), &data["code"]), ("error", &json!("INVALID_JSON")));
    for (message, code, location) in [
        (json!([]), "VALIDATION_ERROR", json!([])),
        (json!({ "data": {} }), "VALIDATION_ERROR", json!([])),
        (json!({ "type": "dance" }), "UNKNOWN_TYPE", json!(null)),
        (json!({ "type": "step", "data": {} }), "VALIDATION_ERROR", json!(["code"])),
        (json!({ "type": "step", "data": { "code": 1 } }), "VALIDATION_ERROR", json!(["code"])),
        (json!({ "type": "step", "data": { "code": "" } }), "SESSION_ERROR", json!(null)),
        (json!({ "type": "reset", "data": { "seed": -1 } }), "VALIDATION_ERROR", json!(["seed"])),
        (json!({ "type": "reset", "data": { "sead": 1 } }), "VALIDATION_ERROR", json!(["sead"])),
        (
            json!({ "type": "reset", "data": { "task_index": 1e6 } }),
            "VALIDATION_ERROR",
            json!(["task_index"]),
        ),
        (
            json!({ "type": "reset", "data": { "task_index": 1_000_000 } }),
            "VALIDATION_ERROR",
            json!(["task_index"]),
        ),
        (
            json!({ "type": "reset", "data": { "task_id": "nothing" } }),
            "VALIDATION_ERROR",
            json!(["task_id"]),
        ),
        (
            json!({ "type": "reset", "data": { "episode_id": "a/b" } }),
            "VALIDATION_ERROR",
            json!(["episode_id"]),
        ),
        (
            json!({ "type": "reset", "data": { "semantics": "cell" } }),
            "VALIDATION_ERROR",
            json!(["semantics"]),
        ),
        (
            json!({ "type": "reset", "data": { "limits": { "max_steps": 1_000_000 } } }),
            "VALIDATION_ERROR",
            json!(["limits", "max_steps"]),
        ),
    ] {
        let error = socket.error(message.clone()).await;
        assert_eq!(error["code"], code, "{message}: {error}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(error["errors"][0]["loc"], location, "{message}: {error}");
    }
    socket.reset(json!({})).await;
    assert_eq!(socket.run("print(1)").await["observation"]["output"], "1\n");
    // The agent's own mistakes are observations.
    let wrong = socket.run("print(").await;
    assert_eq!((&wrong["reward"], &wrong["observation"]["error_kind"]), (&json!(0.0), &json!("syntax")));
}

#[tokio::test]
async fn a_full_server_says_so_and_has_room_again() {
    let (server, _tasks) = start(&["--max-episodes", "1"]).await;
    let mut first = Socket::open(&server.url, "persistent/knapsack").await;
    let mut second = Socket::open(&server.url, "persistent/knapsack").await;
    first.reset(json!({})).await;
    let error = second.error(json!({ "type": "reset", "data": {} })).await;
    assert_eq!((&error["code"], &error["reason"]), (&json!("CAPACITY_REACHED"), &json!("SERVER_FULL")));
    assert!(error["retry_after"].as_f64() > Some(0.0), "{error}");
    // Its own place is enough for the next episode of a session.
    first.reset(json!({})).await;
    first.send(r#"{"type": "close"}"#).await;
    while let Some(Ok(_)) = first.frame().await {}
    second.reset(json!({})).await;
}

#[tokio::test]
async fn strangers_are_refused_and_tenants_do_not_meet() {
    let tasks = tiny_tasks();
    let folder = tasks.path().to_str().unwrap();
    let arguments = ["--gateways", "openenv", "--tasks", folder];
    let guarded = Guarded::start_logging("info", "quota red episodes=1\n", &arguments).await;
    let url = &guarded.server.url;
    for headers in [&[][..], &[("authorization", "Bearer nobody")]] {
        let Err(Error::Http(refused)) = Socket::open_with(url, "reset/knapsack", headers).await else {
            panic!("a stranger is let in");
        };
        assert_eq!(refused.status(), 401);
    }
    let mut sockets = Vec::new();
    for token in ["Bearer red", "Bearer blue"] {
        let headers = [("authorization", token)];
        let mut socket = Socket::open_with(url, "reset/knapsack", &headers).await.unwrap();
        socket.reset(json!({ "episode_id": "mine" })).await;
        sockets.push(socket);
    }
    let mut other =
        Socket::open_with(url, "reset/knapsack", &[("authorization", "Bearer red")]).await.unwrap();
    let error = other.error(json!({ "type": "reset", "data": {} })).await;
    assert_eq!((&error["code"], &error["reason"]), (&json!("CAPACITY_REACHED"), &json!("OVER_QUOTA")));
    for (token, count) in [("red", 1), ("blue", 1), ("boss", 2)] {
        let listed =
            guarded.client(token).await.list_episodes(proto::env::v1::ListEpisodesRequest::default()).await;
        assert_eq!(listed.unwrap().into_inner().episodes.len(), count, "{token}");
    }
}

#[tokio::test]
async fn web_pages_and_unknown_places_are_refused() {
    let (server, tasks) = start(&[]).await;
    let url = &server.url;
    for (place, origin, status) in [
        ("persistent/knapsack", Some("http://127.0.0.1"), 403),
        ("persistent/knapsack", Some("null"), 403),
        ("always/knapsack", None, 404),
        ("persistent/chess", None, 404),
    ] {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        let Err(Error::Http(refused)) = Socket::open_with(url, place, &headers).await else {
            panic!("{place} is served");
        };
        assert_eq!(refused.status(), status, "{place} {origin:?}");
    }
    // Without the option there is no gateway.
    let other = EnvServer::start(&[tasks.path()], &[]).await;
    let Err(Error::Http(refused)) = Socket::open_with(&other.url, "persistent/knapsack", &[]).await else {
        panic!("a gateway that nobody has asked for");
    };
    assert!(refused.status().is_client_error(), "{refused:?}");
}
