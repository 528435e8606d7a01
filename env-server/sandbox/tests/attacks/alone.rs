//! Runs a test in its own process. Tests that measure the whole process need this.

use std::process::Command;

const ALONE: &str = "SANDBOX_TEST_ALONE";

/// Whether the test is alone in its process and must run. Otherwise this has run it in a new process, where
/// it passed.
#[track_caller]
pub fn alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let status = child.args([test, "--exact", "--nocapture"]).env(ALONE, "1").status().unwrap();
    assert!(status.success(), "{test} failed in a process of its own");
    false
}

/// A size in `/proc/self/status`, in bytes.
pub fn status_bytes(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// The number of files that the process has open.
pub fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
