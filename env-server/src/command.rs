//! The commands, each in its own file.

mod generate;
mod limits;
mod mcp;
mod replay;
mod sandbox;
mod serve;
pub mod sources;
mod state;
mod token;

use std::ffi::OsString;

use anyhow::anyhow;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::catalog::Catalog;
use crate::task_set::TaskSet;

/// Episodes for agents that act by writing Python, in an interpreter that
/// persists across steps or resets after each.
#[derive(Parser)]
#[command(name = "env-server", version = concat!(env!("CARGO_PKG_VERSION"), " ", env!("GIT_COMMIT")), after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  env-server generate --config task_configs/easy.json --out runs/tasks/easy
  env-server serve --tasks runs/tasks/easy --listen 127.0.0.1:50051
  env-server replay runs/example --tasks runs/tasks/tiny
  env-server sandbox
  env-server mcp --interpreter-state persistent";

/// Runs a command line, the program's name first, and says on standard error what went wrong. Returns the exit status.
pub fn main(arguments: Vec<OsString>) -> u8 {
    match run(arguments) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("error: {error:#}");
            1
        }
    }
}

fn run(arguments: Vec<OsString>) -> anyhow::Result<()> {
    let command = Arguments::command();
    let given = sources::arguments(&command, arguments)?;
    let matches = sources::with_variables(command).get_matches_from(given);
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command.run()
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Write the tasks that a config describes.
    Generate(generate::Generate),
    /// Serve episodes over gRPC.
    Serve(Box<serve::Serve>),
    /// Make a token for a caller.
    Token(token::Token),
    /// Run recorded episodes again, and compare everything that their traces hold.
    #[command(long_about = replay::ABOUT)]
    Replay(replay::Replay),
    /// Try the interpreter: run blocks of Python and see what an agent would see.
    Sandbox(sandbox::Sandbox),
    /// Serve one session of the Model Context Protocol over standard input and output.
    Mcp(Box<mcp::Mcp>),
}

impl Command {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Generate(command) => command.run(),
            Self::Serve(command) => command.run(),
            Self::Token(command) => command.run(),
            Self::Replay(command) => command.run(),
            Self::Sandbox(command) => command.run(),
            Self::Mcp(command) => command.run(),
        }
    }
}

/// The number of threads that an option asks for; 0 asks for one for each processor.
fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// The task sets of `--tasks`, by their names.
fn catalog_of(sets: Vec<TaskSet>) -> anyhow::Result<Catalog> {
    Catalog::new(sets).map_err(|name| {
        anyhow!("two of the --tasks folders hold a set named `{name}`; rename one in its manifest.json")
    })
}
