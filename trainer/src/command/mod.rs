//! One file a command; each reads its arguments, calls the library, and says what came of it.

mod merge;
mod train;

use clap::Subcommand;
use trainer::Result;

/// What the trainer does.
#[derive(Subcommand)]
pub enum Command {
    /// Adds an adapter to a model's weights and saves the result as a model of its own.
    Merge(merge::Arguments),
    /// Trains an adapter, or a whole model, as a config says.
    Train(train::Arguments),
}

impl Command {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Merge(arguments) => merge::run(&arguments),
            Self::Train(arguments) => train::run(&arguments),
        }
    }
}
