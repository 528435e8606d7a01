//! Episodes by gRPC clients that are not ours: Python's grpcio, with generated messages and by reflection, and Node.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use tests::{EnvServer, root, tiny_tasks};

/// Where `scripts/clients.sh` has installed them.
static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(root().join("scripts/clients.sh")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
});

/// Plays an episode by the example `program`; returns what it prints.
async fn play(program: &str, example: &str, arguments: &[&str]) -> String {
    let tasks = tiny_tasks();
    let server = EnvServer::start(&[tasks.path()], &[]).await;
    let address = server.url.strip_prefix("http://").unwrap();
    let output = Command::new(INSTALLED.join("venv/bin").join(program))
        .env("NODE_PATH", INSTALLED.join("node_modules"))
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
    assert_played(&play("python", "first_episode.py", &[]).await);
}

#[tokio::test]
async fn python_plays_by_reflection_alone() {
    let said = play("python", "reflection.py", &[]).await;
    assert_played(&said);
    assert!(said.contains("\nFAILED_PRECONDITION step 9 leaves a gap"), "{said}");
}

#[tokio::test]
async fn node_plays() {
    let proto = root().join("proto");
    let said = play("node", "first_episode.js", &[proto.to_str().unwrap()]).await;
    assert_played(&said.replace("false", "False"));
}
