//! `trainer init`.

use std::path::PathBuf;

use clap::Args;
use trainer::Result;
use trainer::init::{self, Options, Sizes};
use trainer::model::ModelType;

use super::sources;

/// Creates a model folder of given sizes.
#[derive(Args)]
#[command(after_help = "Examples:
  trainer init --traces runs/teacher --out models/base
  trainer init --text corpus/*.txt --vocab-size 8000 --hidden-size 256 --layers 8 --heads 8 --kv-heads 2 --out models/base
  trainer init --traces runs/teacher --split '(?<=item_|item_..)[0-9a-f]{2}| ?[0-9]{1,2}| ?\\p{L}+| ?[^\\s\\p{L}\\p{N}]+|\\s+' --out models/base")]
pub struct Arguments {
    #[command(flatten)]
    sources: sources::Arguments,
    /// The folder of the model; a new or empty one.
    #[arg(long)]
    out: PathBuf,
    /// The family: `llama`, `qwen2` or `qwen3`.
    #[arg(long, default_value = "qwen3")]
    model_type: ModelType,
    /// Most tokens, including the 256 bytes and three special tokens.
    #[arg(long, default_value_t = 2048)]
    vocab_size: i64,
    /// Width of the residual stream.
    #[arg(long, default_value_t = 128)]
    hidden_size: i64,
    /// Decoder layers.
    #[arg(long, default_value_t = 4)]
    layers: i64,
    /// Query heads.
    #[arg(long, default_value_t = 4)]
    heads: i64,
    /// Key and value heads; divides the query heads [default: the same number].
    #[arg(long)]
    kv_heads: Option<i64>,
    /// Width of a head; even.
    #[arg(long, default_value_t = 32)]
    head_dim: i64,
    /// Width of the feed-forward network [default: three times the hidden size].
    #[arg(long)]
    intermediate_size: Option<i64>,
    /// Most tokens of a conversation.
    #[arg(long, default_value_t = 4096)]
    context_length: i64,
    /// Base of the rotary frequencies.
    #[arg(long, default_value_t = 10_000.0)]
    rope_theta: f64,
    /// Standard deviation of the weights.
    #[arg(long, default_value_t = 0.02)]
    init_std: f64,
    /// Seed of the weights.
    #[arg(long, default_value_t = 0)]
    seed: i64,
    /// The embedding is also the output head; the default.
    #[arg(long, overrides_with = "untied")]
    tied: bool,
    /// The output head is a separate matrix.
    #[arg(long, overrides_with = "tied")]
    untied: bool,
    /// Regexes that split texts before byte pairs are merged, applied one after the other: no token crosses
    /// the border of a match. Look-behind is supported. Not for a qwen2, which has its own.
    #[arg(long, num_args = 1.., value_name = "REGEX")]
    split: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let sizes = Sizes {
        vocab_size: arguments.vocab_size,
        hidden_size: arguments.hidden_size,
        layers: arguments.layers,
        heads: arguments.heads,
        kv_heads: arguments.kv_heads.unwrap_or(arguments.heads),
        head_dim: arguments.head_dim,
        intermediate_size: arguments.intermediate_size.unwrap_or(arguments.hidden_size * 3),
        context_length: arguments.context_length,
        rope_theta: arguments.rope_theta,
        tied: !arguments.untied,
    };
    let options = Options {
        model_type: arguments.model_type,
        sizes,
        split: arguments.split.clone(),
        init_std: arguments.init_std,
        seed: arguments.seed,
    };
    let corpus = arguments.sources.read()?;
    eprintln!("training a tokenizer on {} conversations or documents", corpus.items.len());
    let made = init::run(&options, &corpus, &arguments.out)?;
    if made.vocab_size < arguments.vocab_size {
        eprintln!(
            "note: the texts give no more than {} tokens, not {}; the model has that vocabulary",
            made.vocab_size, arguments.vocab_size
        );
    }
    eprintln!("saved {}: {} tokens, {} weights", arguments.out.display(), made.vocab_size, made.parameters);
    Ok(())
}
