//! `env-server`: generates tasks, serves episodes of them over gRPC, replays recorded ones, and runs the interpreter by hand.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use env_server::command::{self, sources};

/// Episodes for agents that act by writing Python, in an interpreter that
/// persists across steps or resets after each.
#[derive(Parser)]
#[command(name = "env-server", version = concat!(env!("CARGO_PKG_VERSION"), " ", env!("GIT_COMMIT")), after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: command::Command,
}

const EXAMPLES: &str = "\
Examples:
  env-server generate --config task_configs/easy.json --out runs/tasks/easy
  env-server serve --tasks runs/tasks/easy --listen 127.0.0.1:50051
  env-server replay runs/example --tasks runs/tasks/tiny
  env-server sandbox";

/// Runs the command line.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let command = Arguments::command();
    let given = sources::arguments(&command, std::env::args_os().collect())?;
    let matches = sources::with_variables(command).get_matches_from(given);
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command.run()
}
