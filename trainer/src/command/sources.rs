//! The sources of `init` and `prepare`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use proto::dataset::{Observations, TraceOptions};
use trainer::Result;
use trainer::corpus::{self, Corpus, Sources};

/// The sources to read; at least one.
#[derive(Args)]
#[group(skip)] // clap's default group would hold all options
#[command(group = ArgGroup::new("source").required(true).multiple(true).args(["traces", "chat", "text"]))]
pub struct Arguments {
    /// Folders or .tar.gz files with *.trace.json files at any depth.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    traces: Vec<PathBuf>,
    /// Files with one {"messages": [{"role", "content"}, ..]} per line.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    chat: Vec<PathBuf>,
    /// Documents; a .jsonl file has one {"text": ..} per line.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    text: Vec<PathBuf>,
    /// How observations are written: as this repository's agent shows them to a model, or as the paper trains
    /// ({"error": ..} or {"output": ..}). Without this option, a trace with recorded tokens of the model's own
    /// tokenizer is taken by them, as they are. [default: agent for traces of this repository's agent, otherwise
    /// paper]
    #[arg(long, value_enum)]
    observations: Option<ObservationStyle>,
    /// Only traces of solved episodes.
    #[arg(long)]
    only_solved: bool,
    /// Only traces of episodes with at least this score, 0 to 1.
    #[arg(long, value_name = "SCORE", value_parser = score)]
    min_score: Option<f64>,
    /// Skip malformed traces and lines with a message, instead of failing.
    #[arg(long)]
    skip_bad: bool,
}

/// [`Observations`] as an argument.
#[derive(Clone, Copy, ValueEnum)]
enum ObservationStyle {
    Agent,
    Paper,
}

impl Arguments {
    pub fn sources(&self) -> Sources {
        let observations = self.observations.map(|style| match style {
            ObservationStyle::Agent => Observations::Agent,
            ObservationStyle::Paper => Observations::Paper,
        });
        Sources {
            traces: self.traces.clone(),
            chats: self.chat.clone(),
            texts: self.text.clone(),
            options: TraceOptions { observations, only_solved: self.only_solved, min_score: self.min_score },
            skip_bad: self.skip_bad,
        }
    }

    /// Reads all sources, and prints what was skipped.
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
