//! One file a command; each reads its arguments, calls the library, and says what came of it.

mod generate;
mod loading;
mod merge;
mod serve;

use clap::Subcommand;
use trainer::Result;

/// What the trainer does.
#[derive(Subcommand)]
pub enum Command {
    /// Answers one prompt on standard output.
    Generate(generate::Arguments),
    /// Adds an adapter to a model's weights and saves the result as a model of its own.
    Merge(merge::Arguments),
    /// Serves a model and adapters for it over gRPC and HTTP.
    Serve(serve::Arguments),
}

impl Command {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Generate(arguments) => generate::run(&arguments),
            Self::Merge(arguments) => merge::run(&arguments),
            Self::Serve(arguments) => serve::run(&arguments),
        }
    }
}
