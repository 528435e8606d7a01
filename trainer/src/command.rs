//! One file a command; each reads its arguments, calls the library, and says what came of it.

mod generate;
mod init;
mod loading;
mod look;
mod merge;
mod prepare;
mod serve;
mod sources;
mod train;

use clap::Subcommand;
use trainer::Result;

/// What the trainer does.
#[derive(Subcommand)]
pub enum Command {
    /// Makes a small model with a tokenizer of its own, from traces, chats or texts.
    Init(init::Arguments),
    /// Turns traces, chats or texts into samples: token ids, and which of them bear loss.
    Prepare(prepare::Arguments),
    /// Prints a sample, what bears no loss dimmed.
    Look(look::Arguments),
    /// Trains an adapter, or a whole model, as a config says.
    Train(train::Arguments),
    /// Adds an adapter to a model's weights and saves the result as a model of its own.
    Merge(merge::Arguments),
    /// Answers one prompt on standard output.
    Generate(generate::Arguments),
    /// Serves a model and adapters for it over gRPC and HTTP.
    Serve(serve::Arguments),
}

impl Command {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Init(arguments) => init::run(&arguments),
            Self::Prepare(arguments) => prepare::run(&arguments),
            Self::Look(arguments) => look::run(&arguments),
            Self::Train(arguments) => train::run(&arguments),
            Self::Merge(arguments) => merge::run(&arguments),
            Self::Generate(arguments) => generate::run(&arguments),
            Self::Serve(arguments) => serve::run(&arguments),
        }
    }
}
