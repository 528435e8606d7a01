//! The `load` program, in short: every kind of load comes to its end without an error, and errors are told.

use std::process::Output;

use serde_json::Value;
use tests::program;
use tokio::process::Command;

/// Runs `load`, and reads what it wrote.
async fn load(arguments: &[&str]) -> (Output, Value) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("load.json");
    let output =
        Command::new(program("load")).args(arguments).arg("--json").arg(&json).output().await.unwrap();
    let report = files::read_json(&json).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    (output, report)
}

/// Plays scenarios in short, which give this many loads.
async fn play(scenarios: &str, loads: usize) {
    let (output, report) = load(&["scenarios", "--short", "--only", scenarios]).await;
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    let played = report["loads"].as_array().unwrap();
    assert_eq!(played.len(), loads, "{told}");
    for load in played {
        assert!(load["steps"].as_u64().unwrap() > 0, "{load}");
        assert!(load["latency_ms"]["p50"].as_f64() > Some(0.0), "{load}");
        assert!(load["server"]["open"]["own"].as_f64() > Some(1.0), "{load}");
        assert_eq!(load["errors"], serde_json::json!({}), "{load}");
    }
}

#[tokio::test]
async fn sessions_play_one_by_one_and_in_batches_in_closed_and_open_loops() {
    play("few,hundreds,many", 2 + 6 + 2).await;
}

#[tokio::test]
async fn sessions_play_over_sockets() {
    play("gateway", 2).await;
}

#[tokio::test]
async fn short_steps_are_answered_beside_endless_ones() {
    play("guests", 3).await;
}

#[tokio::test]
async fn abandoned_episodes_give_back_what_they_had() {
    play("abandoned", 2).await;
}

#[tokio::test]
async fn cancelled_calls_break_no_connection_and_no_step() {
    play("cancelled", 1).await;
}

#[tokio::test]
async fn errors_are_counted_and_told() {
    let broken = ["play", "--sessions", "2", "--seconds", "0.5", "--warm-up", "0", "--code", "print(1 / 0)"];
    let (output, report) = load(&broken).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["loads"][0]["steps"], 0);
    assert!(report["loads"][0]["errors"]["failed in Python"].as_u64() >= Some(2), "{report}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("failed in Python"));
}

/// One session, whose step takes longer than the time between two: in an open loop the steps wait for each other, and that is
/// a part of their latency.
#[tokio::test]
async fn an_open_loop_counts_the_wait_for_the_session() {
    let slow = "for i in range(400_000): pass";
    let common = ["play", "--sessions", "1", "--seconds", "1", "--warm-up", "0.2", "--code", slow];
    let (_, closed) = load(&common).await;
    let (_, open) = load(&[&common[..], &["--rate", "400"]].concat()).await;
    let p50 = |report: &Value| report["loads"][0]["latency_ms"]["p50"].as_f64().unwrap();
    assert!(p50(&open) > 5.0 * p50(&closed), "{} {}", p50(&open), p50(&closed));
}
