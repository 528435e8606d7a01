//! `agent`: plays tasks of an environment server.

use std::process::ExitCode;

/// Runs the command line.
pub fn main() -> ExitCode {
    agent::command::main(std::env::args_os().collect()).into()
}
