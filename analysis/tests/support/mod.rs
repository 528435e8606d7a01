//! Runs the binary, and reads its tables.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// The exit code and output of the binary.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the binary with these arguments.
pub fn analysis<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_analysis")).args(arguments).output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A path among the recorded runs.
pub fn recorded(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/runs").join(path)
}

impl Outcome {
    /// Fails the test unless the command succeeded.
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Fails the test unless the command refused its input, with these words on stderr and nothing on stdout.
    pub fn refused(&self, words: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(2), ""), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        }
    }

    /// The cells of the table's row with this name, without the name.
    pub fn row(&self, name: &str) -> Vec<&str> {
        let rows = self.stdout.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        let row = rows.into_iter().find(|cells| cells.get(1) == Some(&name));
        let row = row.unwrap_or_else(|| panic!("no row {name} in\n{}", self.stdout));
        row[2..row.len() - 1].to_vec()
    }
}

/// A result file's content.
pub fn result(solved: bool, score: f64) -> Value {
    json!({
        "status": "completed", "error": null, "started_at": 1.0, "finished_at": 2.0,
        "result": {"is_solved": solved, "score": score, "metrics": {}},
    })
}

/// A trace with these steps, and the sum of their tokens in its summary.
pub fn trace(steps: &[Value]) -> Value {
    let tokens: u64 = steps.iter().filter_map(|step| step["token_usage"]["total_tokens"].as_u64()).sum();
    let events = steps.iter().map(|step| json!({"type": "StepEvent", "timestamp": "t", "data": step}));
    json!({
        "summary": {
            "num_steps": steps.len(),
            "finish_reason": "max_turns",
            "token_usage": {"total_tokens": tokens},
        },
        "events": events.collect::<Vec<_>>(),
    })
}

/// Writes an episode of family knapsack into a run's layout.
pub fn write_episode(run: &Path, agent: &str, index: u32, result: &Value, trace: &Value) {
    let folder = run.join("results").join(agent).join("knapsack");
    fs::create_dir_all(&folder).unwrap();
    let stem = format!("knapsack-knapsack-{index:010}");
    fs::write(folder.join(format!("{stem}.json")), result.to_string()).unwrap();
    fs::write(folder.join(format!("{stem}.trace.json")), trace.to_string()).unwrap();
}
