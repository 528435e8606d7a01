//! One file per command: its arguments, the call of the library, and the report.

mod generate;
mod grpo;
mod init;
mod look;
mod merge;
mod model;
mod prepare;
mod serve;
mod sources;
mod train;

use clap::Subcommand;
use trainer::Result;

/// The trainer's commands.
#[derive(Subcommand)]
pub enum Command {
    /// Create a small model with a tokenizer of its own, trained on traces, chats or texts.
    Init(init::Arguments),
    /// Turn traces, chats or texts into samples: token ids, and which of them bear loss.
    Prepare(prepare::Arguments),
    /// Print a sample, with text that bears no loss dimmed.
    Look(look::Arguments),
    /// Train an adapter or a whole model, according to a config.
    Train(train::Arguments),
    /// Train an adapter on episodes that it plays, according to a config.
    Grpo(grpo::Arguments),
    /// Merge an adapter into a model's weights and save the result as a model.
    Merge(merge::Arguments),
    /// Answer one prompt on standard output.
    Generate(generate::Arguments),
    /// Serve a model and its adapters over gRPC and HTTP.
    Serve(serve::Arguments),
}

impl Command {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Init(arguments) => init::run(&arguments),
            Self::Prepare(arguments) => prepare::run(&arguments),
            Self::Look(arguments) => look::run(&arguments),
            Self::Train(arguments) => train::run(&arguments),
            Self::Grpo(arguments) => grpo::run(&arguments),
            Self::Merge(arguments) => merge::run(&arguments),
            Self::Generate(arguments) => generate::run(&arguments),
            Self::Serve(arguments) => serve::run(&arguments),
        }
    }
}
