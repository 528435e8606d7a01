//! `env-server`: generates tasks, serves episodes of them over gRPC, replays recorded ones, and runs the interpreter by hand.

use std::process::ExitCode;

/// Runs the command line.
pub fn main() -> ExitCode {
    env_server::command::main(std::env::args_os().collect()).into()
}
