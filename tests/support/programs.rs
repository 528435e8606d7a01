//! Paths of the repository, its fixtures, and the programs it builds.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate has its own folder")
}

/// `tests/fixtures/<name>`.
pub fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A program of the workspace, built with the same cargo profile as this one.
///
/// # Panics
/// If it was not built: `make test` builds the programs first.
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a running program has a path");
    // target/release/program, or target/release/deps/test-0123456789abcdef
    let found = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not built beside {}; run `make build` first", this.display()))
}

/// The text of a recorded knapsack task (33 items, capacity 49).
///
/// # Panics
/// If the fixture is missing.
pub fn knapsack_task() -> String {
    std::fs::read_to_string(fixtures("interpreter").join("task.json")).expect("the fixture is there")
}

/// A set of a few tasks, generated from `task_configs/tiny.json`.
///
/// # Panics
/// If `env-server generate` fails.
pub fn tiny_tasks() -> TempDir {
    let tasks = tempfile::tempdir().expect("there is a folder for temporary files");
    let generate = Command::new(program("env-server"))
        .args(["generate".as_ref(), "--config".as_ref(), root().join("task_configs/tiny.json").as_os_str()])
        .args(["--out".as_ref(), tasks.path().as_os_str()])
        .output()
        .expect("env-server runs");
    assert!(generate.status.success(), "{generate:?}");
    tasks
}
