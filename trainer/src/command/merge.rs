//! `trainer merge`.

use std::path::PathBuf;

use clap::Args;
use trainer::{Result, lora, model, weights};

/// Merges an adapter into its base.
#[derive(Args)]
#[command(
    after_help = "Example:\n  trainer merge --model models/base --adapter runs/adapter --out models/merged"
)]
pub struct Arguments {
    /// The base: a Hugging Face folder of a Llama, Qwen2 or Qwen3 model.
    #[arg(long)]
    model: PathBuf,
    /// The adapter: a PEFT folder.
    #[arg(long)]
    adapter: PathBuf,
    /// The folder of the merged model; a new or empty one.
    #[arg(long)]
    out: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let mut model = model::folder::load(&arguments.model, &model::folder::Options::default())?;
    lora::load(&mut model, &arguments.adapter)?;
    lora::merge(&mut model)?;
    model::folder::save(&model, &arguments.out, weights::MAX_SHARD_BYTES)?;
    model::folder::copy_companions(&arguments.model, &arguments.out)?;
    eprintln!("saved {}", arguments.out.display());
    Ok(())
}
