//! The same conversations from a Python program with the `openai` package.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::load::{AT_ONCE, TURNS};
use crate::model::Model;
use crate::side::{Conversation, Measured, histogram};

/// What the program reports, in seconds.
#[derive(Deserialize)]
struct Report {
    wall: f64,
    /// From its first call on, without the imports.
    cpu: f64,
    /// Seed, turn and duration of each call.
    calls: Vec<(u64, usize, f64)>,
}

/// Plays as many conversations as there are at once.
///
/// # Errors
/// Why there is no such program.
pub async fn play(model: &Model, stream: bool, conversation: &Conversation) -> Result<Measured, String> {
    let python = std::env::var("BENCH_PYTHON").ok().filter(|python| !python.is_empty());
    let python = python.ok_or("as BENCH_PYTHON is not set: scripts/bench_python.sh prints one")?;
    let input = json!({
        "url": model.url, "stream": stream, "at_once": AT_ONCE, "turns": TURNS, "conversation": conversation,
    });
    let mut command = Command::new(&python);
    command
        .args(["-c", include_str!("peer.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let failed = |problem: String| format!("{python}: {problem}");
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let report: Report = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed(stderr.lines().last().unwrap_or("no report").to_owned()))?;

    let latencies = model.take_latencies();
    let mut added = histogram();
    for &(seed, turn, seconds) in &report.calls {
        let call = Duration::from_secs_f64(seconds);
        added.record(call.saturating_sub(latencies[&(seed, turn)]).as_micros() as u64).unwrap();
    }
    let seconds = Duration::from_secs_f64;
    Ok(Measured {
        turns: report.calls.len() as u64,
        wall: seconds(report.wall),
        cpu: seconds(report.cpu),
        added,
    })
}
