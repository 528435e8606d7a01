//! The recordings that passed and those that did not.

use std::fmt::Debug;
use std::io::Write as _;
use std::process::ExitCode;

/// Collects the differences of one run.
#[derive(Debug, Default)]
pub struct Report {
    passed: usize,
    failed: usize,
    lines: Vec<String>,
}

/// The differences of one recording.
#[derive(Debug, Default)]
pub struct Differences(Vec<String>);

impl Differences {
    /// Notes a difference, unless there is none.
    pub fn compare<T: PartialEq + Debug>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.0.push(format!("{what}\n      expected {expected:?}\n      found    {found:?}"));
        }
    }
}

impl Report {
    /// Counts one recording.
    pub fn add(&mut self, name: &str, differences: Differences) {
        if differences.0.is_empty() {
            self.passed += 1;
            return;
        }
        self.failed += 1;
        self.lines.push(format!("FAILED {name}"));
        self.lines.extend(differences.0.into_iter().map(|difference| format!("  {difference}")));
    }

    /// Prints differences and counts; success if nothing differed.
    pub fn print(&self) -> ExitCode {
        let mut stdout = std::io::stdout().lock();
        for line in &self.lines {
            let _ = writeln!(stdout, "{line}");
        }
        let _ = writeln!(stdout, "{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
