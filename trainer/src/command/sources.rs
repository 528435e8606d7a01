//! Where `init` and `prepare` read.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use proto::dataset::{Observations, TraceOptions};
use trainer::Result;
use trainer::corpus::{self, Corpus, Sources};

/// At least one source; all that are given are read.
#[derive(Args)]
#[group(skip)] // clap would make one of all options
#[command(group = ArgGroup::new("source").required(true).multiple(true).args(["traces", "chat", "text"]))]
pub struct Arguments {
    /// Folders or .tar.gz files with *.trace.json files anywhere in them.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    traces: Vec<PathBuf>,
    /// Files with {"messages": [{"role", "content"}, ..]} a line.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    chat: Vec<PathBuf>,
    /// Documents; a .jsonl file has one a line, {"text": ..}.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    text: Vec<PathBuf>,
    /// How observations are written: as our agent shows them to a model, or as the paper trains ({"error": ..} or
    /// {"output": ..}). By default, our agent's traces the first way, others the second.
    #[arg(long, value_enum)]
    observations: Option<Written>,
    /// Only traces of episodes that were solved.
    #[arg(long)]
    only_solved: bool,
    /// Only traces of episodes with at least this score, 0 to 1.
    #[arg(long, value_name = "SCORE", value_parser = score)]
    min_score: Option<f64>,
    /// Leave out what cannot be understood, and say so, instead of stopping there.
    #[arg(long)]
    skip_bad: bool,
}

/// How observations are written.
#[derive(Clone, Copy, ValueEnum)]
enum Written {
    Agent,
    Paper,
}

impl Arguments {
    pub fn sources(&self) -> Sources {
        let observations = self.observations.map(|written| match written {
            Written::Agent => Observations::Agent,
            Written::Paper => Observations::Paper,
        });
        Sources {
            traces: self.traces.clone(),
            chats: self.chat.clone(),
            texts: self.text.clone(),
            options: TraceOptions { observations, only_solved: self.only_solved, min_score: self.min_score },
            skip_bad: self.skip_bad,
        }
    }

    /// Reads all sources, and says what was skipped.
    pub fn read(&self) -> Result<Corpus> {
        let corpus = corpus::read(&self.sources())?;
        for problem in &corpus.bad {
            eprintln!("skipped: {problem}");
        }
        Ok(corpus)
    }
}

fn score(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(score) if (0.0..=1.0).contains(&score) => Ok(score),
        _ => Err("must be a number from 0 to 1".to_owned()),
    }
}
