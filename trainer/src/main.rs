//! The trainer's commands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use trainer::{Result, cuda, lora, model, weights};

/// Adapters for Qwen3, without Python.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Adds an adapter to a model's weights and saves the result as a model of its own.
    #[command(
        after_help = "Example:\n  trainer merge --model models/base --adapter runs/adapter --out models/merged"
    )]
    Merge {
        /// The base: a Hugging Face folder of a Qwen3 model.
        #[arg(long)]
        model: PathBuf,
        /// The adapter: a PEFT folder.
        #[arg(long)]
        adapter: PathBuf,
        /// A new folder.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    cuda::load();
    let result = match Arguments::parse().command {
        Command::Merge { model, adapter, out } => merge(&model, &adapter, &out),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn merge(base: &Path, adapter: &Path, out: &Path) -> Result<()> {
    let mut model = model::folder::load(base, &model::folder::Options::default())?;
    lora::load(&mut model, adapter)?;
    lora::merge(&mut model)?;
    model::folder::save(&model, out, weights::MAX_SHARD_BYTES)?;
    model::folder::copy_companions(base, out)?;
    eprintln!("saved {}", out.display());
    Ok(())
}
