//! `agent teach`.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use proto::dataset::Observations;

use super::run::{PlayArgs, conclude, play};
use crate::teach;

#[derive(Debug, Args)]
pub struct TeachArgs {
    /// The run config (YAML) of the teachers.
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    config: Option<PathBuf>,
    #[command(flatten)]
    play: PlayArgs,
    /// Take the episodes of this run's folder, and play none.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    from: Option<PathBuf>,
    /// The folder to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only episodes that are solved exactly.
    #[arg(long)]
    only_solved: bool,
    /// Only episodes with at least this score, 0 to 1.
    #[arg(long, value_name = "SCORE", default_value_t = 0.0)]
    min_score: f64,
    /// Also episodes in which a name was missing.
    #[arg(long)]
    allow_missing_variables: bool,
    /// Only episodes of at most this number of tokens, of prompts and answers over all turns.
    #[arg(long, value_name = "N")]
    max_total_tokens: Option<u64>,
    /// Only episodes of at most this number of turns.
    #[arg(long, value_name = "N")]
    max_turns: Option<u64>,
    /// Keep a good episode even if another teacher's episode of the same task is not good.
    #[arg(long)]
    unpaired: bool,
    /// Write observations as the paper trains: {"error": ..} or {"output": ..}. By default they are written as the agent
    /// showed them.
    #[arg(long)]
    paper_observations: bool,
}

impl TeachArgs {
    pub fn run(self) -> Result<u8, Box<dyn Error>> {
        let (folder, code) = match (self.from, self.config) {
            (None, Some(config)) => {
                let report = play(&config, self.play)?;
                let code = conclude(&report);
                if report.interrupted {
                    return Ok(code);
                }
                (report.folder, code)
            }
            (from, _) => (from.unwrap_or_default(), 0),
        };
        let options = teach::Options {
            run: folder,
            filter: teach::Filter {
                only_solved: self.only_solved,
                min_score: self.min_score,
                allow_missing_variables: self.allow_missing_variables,
                max_total_tokens: self.max_total_tokens,
                max_turns: self.max_turns,
            },
            paired: !self.unpaired,
            observations: self.paper_observations.then_some(Observations::Paper),
            out: self.out,
        };
        let report = teach::write(&options)?;
        eprintln!("{report}\ntraining data: {}", options.out.display());
        Ok(code)
    }
}
