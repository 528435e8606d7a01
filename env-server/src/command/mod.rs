//! The commands, one a file.

mod generate;
mod serve;

use clap::Subcommand;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Write the tasks that a config describes.
    Generate(generate::Generate),
    /// Serve episodes over gRPC.
    Serve(serve::Serve),
}

impl Command {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Generate(command) => command.run(),
            Self::Serve(command) => command.run(),
        }
    }
}
