//! `trainer prepare`.

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use proto::dataset::Provenance;
use trainer::dataset::Dataset;
use trainer::prepare::{self, Options};
use trainer::tokenizer::Tokenizer;
use trainer::{Result, check_vacant};

use super::sources;

/// Makes a dataset of sources.
#[derive(Args)]
#[command(after_help = "Examples:
  trainer prepare --model models/base --traces runs/teacher --sequence-len 4096 --out data/teacher
  trainer prepare --model models/base --traces runs/*.tar.gz --only-solved --sequence-len 16384 --out data/solved
  trainer prepare --model models/base --chat talk.jsonl --text book.txt --sequence-len 2048 --out data/mixed

Then: trainer look --data data/teacher --model models/base")]
pub struct Arguments {
    /// A model folder, whose tokenizer and chat template are used.
    #[arg(long)]
    model: PathBuf,
    #[command(flatten)]
    sources: sources::Arguments,
    /// Most tokens of a sample; longer conversations lose their last turns, longer texts are split.
    #[arg(long)]
    sequence_len: usize,
    /// The folder of the dataset; a new or empty one.
    #[arg(long)]
    out: PathBuf,
    /// Take at most this number of conversations and documents, the first ones.
    #[arg(long)]
    limit: Option<usize>,
    /// Passed to the chat template as `enable_thinking`, which then renders traces even where they recorded the tokens; by
    /// default as each trace's agent did, and undefined for
    /// other conversations.
    #[arg(long, value_name = "BOOL")]
    enable_thinking: Option<bool>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    check_vacant(&arguments.out)?;
    let tokenizer = Tokenizer::read(&arguments.model)?;
    let mut corpus = arguments.sources.read()?;
    corpus.items.truncate(arguments.limit.unwrap_or(usize::MAX));

    eprintln!("preparing {} conversations or documents", corpus.items.len());
    let options =
        Options { sequence_len: arguments.sequence_len, enable_thinking: arguments.enable_thinking };
    let bar = ProgressBar::new(corpus.items.len() as u64);
    let prepared = prepare::run(&corpus, &tokenizer, &options, || bar.inc(1));
    bar.finish_and_clear();
    let (dataset, statistics) = prepared?;

    eprintln!("{}\n{}", prepare::describe(&statistics), histogram(&dataset));
    let sources = arguments.sources.sources();
    let provenance = Provenance {
        model: arguments.model.clone(),
        tokenizer_sha256: tokenizer.sha256()?,
        template_sha256: files::digest::bytes(tokenizer.template().source()),
        sequence_len: arguments.sequence_len,
        enable_thinking: arguments.enable_thinking,
        limit: arguments.limit,
        skip_bad: sources.skip_bad,
        traces: sources.options,
        sources: corpus.read,
    };
    prepare::write(&arguments.out, &dataset, statistics, provenance)?;
    eprintln!("saved {}", arguments.out.display());
    Ok(())
}

/// A histogram of the lengths of samples: ten bars from the shortest to the longest.
fn histogram(dataset: &Dataset) -> String {
    const BARS: usize = 10;
    const WIDEST: usize = 40;
    let lengths: Vec<usize> = dataset.samples().map(|sample| sample.tokens.len()).collect();
    let least = lengths.iter().min().copied().unwrap_or(0);
    let width = (lengths.iter().max().copied().unwrap_or(0) - least) / BARS + 1;
    let mut counts = [0; BARS];
    lengths.iter().for_each(|length| counts[(length - least) / width] += 1);
    let most = counts.into_iter().max().unwrap_or(0).max(1);
    let line = |(bar, count): (usize, usize)| {
        let from = least + bar * width;
        let bar = "#".repeat((count * WIDEST).div_ceil(most));
        format!("{from:>7} to {:>7} tokens {count:>7} {bar}", from + width - 1)
    };
    counts.into_iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}
