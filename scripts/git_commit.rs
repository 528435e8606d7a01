//! The build script of every program that records its own version: sets
//! `GIT_COMMIT` to the commit it is built from, empty where there is none.

#![allow(clippy::print_stdout)] // how a build script speaks to cargo

use std::process::Command;

/// All of the build script; public so that one that has more to do can call it.
pub fn main() {
    println!("cargo:rustc-env=GIT_COMMIT={}", commit().unwrap_or_default());
    // A commit or a checkout rewrites the log of HEAD; a build without git has none to watch.
    if let Some(path) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && std::path::Path::new(&path).exists()
    {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-changed=src");
}

/// The commit, with `-dirty` where files that git tracks differ from it.
fn commit() -> Option<String> {
    let commit = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// What a git command prints; none without git or outside a repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
