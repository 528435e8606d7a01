//! The recordings pass through a running server, and a wrong recording fails.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::{EnvServer, fixtures, program};

/// Runs `conformance`; its exit code and what it printed.
fn conformance(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program("conformance")).args(["--env", url]).args(arguments).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn every_tool_transcript_passes() {
    let server = EnvServer::start(&[], &[]).await;
    let (code, output) = conformance(&server.url, &["tool-transcripts", text(&fixtures("tool_transcripts"))]);
    assert_eq!(output, "36 passed, 0 failed\n");
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn every_interpreter_block_passes_in_both_regimes() {
    let server = EnvServer::start(&[], &[]).await;
    let folder = fixtures("interpreter");
    let arguments =
        ["interpreter", text(&folder.join("blocks.json")), "--task", text(&folder.join("task.json"))]
            .map(str::to_owned);
    let (code, output) = conformance(&server.url, &arguments.each_ref().map(String::as_str));
    assert_eq!(output, "58 passed, 0 failed\n");
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_recording_that_differs_is_reported_call_by_call() {
    let server = EnvServer::start(&[], &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let name = "easy-knapsack-0000000007.json";
    let recorded = fs::read_to_string(fixtures("tool_transcripts").join(name)).unwrap();
    let wrong = recorded.replacen("\\\"weight\\\":", "\\\"weight\\\":9", 1);
    assert_ne!(recorded, wrong);
    fs::write(folder.path().join(name), wrong).unwrap();

    let (code, output) = conformance(&server.url, &["tool-transcripts", text(folder.path())]);
    assert_eq!(code, Some(1));
    assert!(output.contains(&format!("FAILED {name}")), "{output}");
    assert!(output.contains("expected") && output.contains("found"), "{output}");
    assert!(output.ends_with("0 passed, 1 failed\n"), "{output}");
}

#[test]
fn a_server_that_is_not_there_is_said_plainly() {
    let (code, output) = conformance("http://127.0.0.1:1", &["tool-transcripts", "anywhere"]);
    assert_eq!(code, Some(2));
    assert!(output.contains("no environment server answers at http://127.0.0.1:1"), "{output}");
}
