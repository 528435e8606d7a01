//! The commands, each in its own file.

mod generate;
mod limits;
mod replay;
mod sandbox;
mod serve;
pub mod sources;
mod state;
mod token;

use anyhow::anyhow;
use clap::Subcommand;

use crate::catalog::Catalog;
use crate::task_set::TaskSet;

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
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Generate(command) => command.run(),
            Self::Serve(command) => command.run(),
            Self::Token(command) => command.run(),
            Self::Replay(command) => command.run(),
            Self::Sandbox(command) => command.run(),
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
