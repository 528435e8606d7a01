//! `trainer look`.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use trainer::dataset::{Dataset, record};
use trainer::look::{self, Style};
use trainer::tokenizer::Tokenizer;
use trainer::{Error, Result};

/// Prints a sample of a dataset.
#[derive(Args)]
#[command(after_help = "Examples:
  trainer look --data data/teacher --model models/base
  trainer look --data data/teacher --model models/base --sample 17 --tokens

Text that bears no loss is dimmed on a terminal; elsewhere, or if NO_COLOR is set, it is in \u{27e6}brackets\u{27e7}.")]
pub struct Arguments {
    /// A folder of `trainer prepare`.
    #[arg(long)]
    data: PathBuf,
    /// The model folder whose tokenizer made the dataset.
    #[arg(long)]
    model: PathBuf,
    /// The index of the sample, from zero.
    #[arg(long, default_value_t = 0)]
    sample: usize,
    /// Print the tokens, one per line, with their ids.
    #[arg(long)]
    tokens: bool,
}

#[allow(clippy::print_stdout)] // the sample is what the command is for
pub fn run(arguments: &Arguments) -> Result<()> {
    record::read(&arguments.data)?;
    let tokenizer = Tokenizer::read(&arguments.model)?;
    record::check_tokenizer(&arguments.data, &arguments.model)?;
    let dataset = Dataset::read(&arguments.data)?;
    if arguments.sample >= dataset.len() {
        let problem = format!("there are {} samples, numbered from 0", dataset.len());
        return Err(Error::Flag { flag: "--sample", problem });
    }

    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = if std::io::stdout().is_terminal() && !no_color { Style::Dim } else { Style::Brackets };
    let sample = dataset.sample(arguments.sample);
    let shown = match arguments.tokens {
        true => look::tokens(sample, &tokenizer, style)?,
        false => look::text(sample, &tokenizer, style)?,
    };
    println!("{}", shown.trim_end_matches('\n'));
    let targets = sample.targets.iter().filter(|target| **target).count();
    println!(
        "\nsample {} of {}: {} tokens, {targets} of them bear loss ({:.1} %)",
        arguments.sample,
        dataset.len(),
        sample.tokens.len(),
        100.0 * targets as f64 / sample.tokens.len() as f64,
    );
    Ok(())
}
