//! The build script of every program that records its version: sets `GIT_COMMIT` to the commit that it is built from, or
//! to nothing outside a git repository.

#![allow(clippy::print_stdout)] // how a build script speaks to cargo

use std::process::Command;

/// The whole build script; public for build scripts that do more.
pub fn main() {
    println!("cargo:rustc-env=GIT_COMMIT={}", commit().unwrap_or_default());
    // Every commit and checkout appends to the log of HEAD.
    if let Some(path) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && std::path::Path::new(&path).exists()
    {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-changed=src");
}

/// The commit, with `-dirty` if tracked files differ from it.
fn commit() -> Option<String> {
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// The output of a git command; `None` without git or outside a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
