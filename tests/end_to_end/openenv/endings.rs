//! Sockets that are killed, fall silent, lose the server.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use proto::env::v1::GetServerInfoRequest;
use serde_json::json;
use tests::{EnvServer, tiny_tasks};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use super::socket::{Socket, start};

/// Sockets that are killed.
const KILLED: usize = 300;
const ENDLESS: &str = "while True: pass";

/// Waits until no episode runs.
async fn none_runs(server: &EnvServer) {
    let mut client = server.client().await;
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let info = client.get_server_info(GetServerInfoRequest {}).await.unwrap().into_inner();
        if info.running_episodes == 0 {
            assert_eq!(info.awake_interpreters, 0, "no interpreter is left");
            return;
        }
        assert!(Instant::now() < deadline, "{} episodes still run", info.running_episodes);
        sleep(Duration::from_millis(20)).await;
    }
}

async fn running(server: &EnvServer) -> u64 {
    let mut client = server.client().await;
    client.get_server_info(GetServerInfoRequest {}).await.unwrap().into_inner().running_episodes
}

/// Some before the answer to a reset, some within a step, some between steps.
#[tokio::test]
async fn killed_sockets_leave_no_episode() {
    let (server, _tasks) = start(&["--max-connections", "400"]).await;
    let killed = futures::stream::iter(0..KILLED).map(async |number| {
        let mut socket = Socket::open(&server.url, "persistent/knapsack").await;
        if number % 3 == 0 {
            socket.send(r#"{"type": "reset"}"#).await;
        } else {
            socket.reset(json!({})).await;
            socket.run("x = 1").await;
        }
        if number % 10 == 1 {
            socket.send(&json!({ "type": "step", "data": { "code": ENDLESS } }).to_string()).await;
        }
        socket
    });
    let sockets: Vec<Socket> = killed.buffer_unordered(32).collect().await;
    assert!(running(&server).await > KILLED as u64 / 2);
    sockets.into_iter().for_each(Socket::cut);
    none_runs(&server).await;
    // Their connections have gone, too.
    for _ in 0..3 {
        let sockets: Vec<_> = futures::stream::iter(0..100)
            .map(|_| Socket::open(&server.url, "reset/knapsack"))
            .buffer_unordered(32)
            .collect()
            .await;
        drop(sockets);
    }
}

/// A client that vanishes without an end of its connection answers no ping.
#[tokio::test]
async fn a_silent_client_is_given_up() {
    let (server, _tasks) = start(&[]).await;
    let mut lively = Socket::open(&server.url, "persistent/knapsack").await;
    let mut silent = Socket::open(&server.url, "persistent/knapsack").await;
    lively.reset(json!({ "episode_id": "lively", "lease": 15 })).await;
    silent.reset(json!({ "episode_id": "silent", "lease": 600 })).await;
    assert_eq!(running(&server).await, 2);
    let deadline = Instant::now() + Duration::from_secs(180);
    let mut pings = 0;
    // The lively one answers pings as long as it is read.
    while running(&server).await > 1 {
        assert!(Instant::now() < deadline, "the silent one has not been given up");
        let reading = tokio::time::timeout(Duration::from_secs(1), lively.0.next()).await;
        pings += usize::from(matches!(reading, Ok(Some(Ok(Message::Ping(_))))));
    }
    assert!(pings > 0);
    assert_eq!(lively.run("print(1)").await["observation"]["output"], "1\n");
    drop(silent);
}

/// Clients give up a server that answers no ping while it runs a step.
#[tokio::test]
async fn pings_are_answered_while_a_step_runs() {
    let (server, _tasks) = start(&[]).await;
    let mut socket = Socket::open(&server.url, "persistent/knapsack").await;
    socket.reset(json!({ "limits": { "wall_clock_per_step": 3 } })).await;
    for code in [ENDLESS, "print('next')"] {
        socket.send(&json!({ "type": "step", "data": { "code": code } }).to_string()).await;
    }
    socket.0.send(Message::Ping("are you there".into())).await.unwrap();
    let first = socket.frame().await.unwrap().unwrap();
    assert!(matches!(first, Message::Pong(_)), "{first:?}");
    // What was sent meanwhile is answered in its turn.
    assert_eq!(socket.answer().await.1["observation"]["error_kind"], "wall_clock");
    assert_eq!(socket.answer().await.1["observation"]["output"], "next\n");
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_session() {
    let (server, _tasks) = start(&[]).await;
    let mut socket = Socket::open(&server.url, "persistent/knapsack").await;
    socket.reset(json!({})).await;
    let long = socket.0.send(Message::text("x".repeat(13 << 20))).await;
    // The server may have closed before all was sent.
    let ended = long.is_err() || !matches!(socket.frame().await, Some(Ok(Message::Text(_))));
    assert!(ended);
    none_runs(&server).await;
}

#[tokio::test]
async fn a_server_that_ends_tells_its_sessions() {
    let (server, _tasks) = start(&[]).await;
    let mut idle = Socket::open(&server.url, "persistent/knapsack").await;
    let mut busy = Socket::open(&server.url, "persistent/knapsack").await;
    idle.reset(json!({})).await;
    busy.reset(json!({})).await;
    let code = "for i in range(300_000): pass\nprint('done')";
    busy.send(&json!({ "type": "step", "data": { "code": code } }).to_string()).await;
    // The step has begun when the one of another episode has ended.
    idle.run("").await;
    let stopped = tokio::spawn(server.stop());
    assert_eq!(busy.answer().await.1["observation"]["output"], "done\n");
    for mut socket in [idle, busy] {
        let Some(Ok(Message::Close(Some(frame)))) = socket.frame().await else { panic!("no close frame") };
        assert_eq!(u16::from(frame.code), 1001, "{frame}");
    }
    assert!(stopped.await.unwrap().success());
}

/// The same reset, with an id, goes on with an episode that has outlived its server.
#[tokio::test]
async fn a_stored_episode_goes_on_after_its_server_was_killed() {
    let (tasks, folder) = (tiny_tasks(), tempfile::tempdir().unwrap());
    let state = folder.path().join("state").display().to_string();
    let arguments = ["--gateways", "openenv", "--state-dir", &state];
    let reset = json!({ "episode_id": "kept", "seed": 1 });
    for (step, kill) in [true, false, true].into_iter().enumerate() {
        let server = EnvServer::start(&[tasks.path()], &arguments).await;
        let mut socket = Socket::open(&server.url, "persistent/knapsack").await;
        let begun = socket.reset(reset.clone()).await;
        assert_eq!(begun["metadata"]["step_count"], step, "{begun}");
        let code = if step == 0 { "n = 0\nprint(n)" } else { "n += 1\nprint(n)" };
        assert_eq!(socket.run(code).await["observation"]["output"], format!("{step}\n"));
        if kill {
            server.kill().await;
        } else {
            assert!(server.stop().await.success());
        }
    }
}
