//! Episodes by gRPC clients that are not ours: Python's grpcio, with generated messages and by reflection, Node and Go.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use lifecycle::child;
use tests::{EnvServer, program, root, tiny_tasks};

/// Where `scripts/clients.sh` has installed them.
static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(root().join("scripts/clients.sh")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
});

/// An interpreter that is installed there.
fn interpreter(name: &str) -> Command {
    let mut command = Command::new(INSTALLED.join("venv/bin").join(name));
    command.env("NODE_PATH", INSTALLED.join("node_modules"));
    command
}

/// Plays an episode by an example, which `command` runs; returns what it prints.
async fn play(mut command: Command, example: &str, arguments: &[&str]) -> String {
    let tasks = tiny_tasks();
    let server = EnvServer::start(&[tasks.path()], &[]).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let output = command
        .arg(root().join("client/examples").join(example))
        .args(arguments)
        .arg(address)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn assert_played(said: &str) {
    assert!(said.starts_with(r#"{"class":"#) && said.ends_with("solved: False\n"), "{said}");
}

#[tokio::test]
async fn python_plays_with_generated_messages() {
    assert_played(&play(interpreter("python"), "first_episode.py", &[]).await);
}

#[tokio::test]
async fn python_plays_by_reflection_alone() {
    let said = play(interpreter("python"), "reflection.py", &[]).await;
    assert_played(&said);
    assert!(said.contains("\nFAILED_PRECONDITION step 9 leaves a gap"), "{said}");
}

/// With the channel option that docs/OPERATIONS.md names.
#[tokio::test]
async fn python_plays_over_a_unix_socket() {
    let (tasks, folder) = (tiny_tasks(), tempfile::tempdir().unwrap());
    let mut command = tokio::process::Command::new(program("env-server"));
    command.arg("serve").arg("--tasks").arg(tasks.path());
    let address = format!("unix:{}", folder.path().join("gym.sock").display());
    let log = folder.path().join("log");
    let server = child::Server::start_on("environment server", command, &address, &log).await.unwrap();
    let example = std::fs::read_to_string(root().join("client/examples/first_episode.py")).unwrap();
    let option = r#"insecure_channel(address, [("grpc.default_authority", "localhost")])"#;
    assert!(example.contains("insecure_channel(address)"), "{example}");
    let python = INSTALLED.join("venv/bin/python");
    let output = tokio::process::Command::new(python)
        .args(["-c", &example.replace("insecure_channel(address)", option), server.url()])
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_played(&String::from_utf8(output.stdout).unwrap());
}

#[tokio::test]
async fn node_plays() {
    let proto = root().join("proto");
    let said = play(interpreter("node"), "first_episode.js", &[proto.to_str().unwrap()]).await;
    assert_played(&said.replace("false", "False"));
}

#[tokio::test]
async fn go_plays() {
    let mut command = Command::new("go");
    command.arg("run").env("GOENV", INSTALLED.join("go/env"));
    let said = play(command, "first_episode.go", &[]).await;
    assert_played(&said.replace("false", "False"));
}
