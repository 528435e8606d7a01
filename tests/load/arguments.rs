//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::guests::Guests;
use crate::measure::{Load, Measured, measure};
use crate::pace::Pace;
use crate::player::Script;
use crate::process::Process;
use crate::scenarios::Terms;
use crate::servers::{Executor, Kind, Place, Running};

/// Plays many sessions at once on an environment server and measures steps, latencies, errors, memory and processors. It
/// fails (exit status 1) if a step fails or a connection is lost, and not for being slow.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  target/release/load play --sessions 500 --seconds 20
  target/release/load play --sessions 64 --batch 32 -- --workers 1
  target/release/load play --sessions 8 --rate 200 --loops 64
  target/release/load play --url http://127.0.0.1:50051 --cancelled 10000 --json runs/load.json
  target/release/load scenarios --openenv $(scripts/bench_openenv.sh)
  target/release/load scenarios --short --only guests"
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Writes everything that was measured to this file.
    #[arg(long, value_name = "FILE", global = true)]
    pub json: Option<PathBuf>,
    /// Threads of this program. One takes the fewest processor time.
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub threads: usize,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plays one load.
    Play(Box<Play>),
    /// Plays the loads of `make load`, and says what follows from them.
    Scenarios(Terms),
}

/// One load.
#[derive(Args, Debug)]
pub struct Play {
    /// A server that runs already and offers tasks. [default: one is started]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The process id of that server, to measure its memory and processor time.
    #[arg(long, value_name = "PID", requires = "url")]
    pid: Option<u32>,
    /// Plays on a server of OpenEnv instead, which this Python has.
    #[arg(long, value_name = "PYTHON", conflicts_with_all = ["url", "batch", "loops", "abandoned", "cancelled"])]
    openenv: Option<PathBuf>,
    /// Sessions that play at the same time, each with a persistent episode.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive)]
    sessions: usize,
    /// The number of sessions whose steps go into one call (StepBatch).
    #[arg(long, value_name = "N", value_parser = positive)]
    batch: Option<usize>,
    /// An open loop: steps a second that are due, whether earlier ones are answered or not. Latencies count from when a step
    /// was due. [default: a closed loop, where a session's next step follows the answer]
    #[arg(long, value_name = "STEPS", value_parser = rate)]
    rate: Option<f64>,
    /// Seconds that are measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = rate)]
    seconds: f64,
    /// Seconds before that.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    warm_up: f64,
    /// Connections that the sessions share. [default: one for 100 sessions, two at least]
    #[arg(long, value_name = "N", value_parser = positive)]
    connections: Option<usize>,
    /// The code of every step. [default: a counter, whose output is checked]
    #[arg(long, value_name = "PYTHON")]
    code: Option<String>,
    /// Steps of an episode; then the session goes on with a new one.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    episode_steps: u64,
    /// Seconds that the answer to a step may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = rate)]
    timeout: f64,
    #[command(flatten)]
    guests: Guests,
    /// Further arguments of the `env-server serve` that is started.
    #[arg(last = true, value_name = "ARGUMENTS", conflicts_with = "url")]
    server: Vec<String>,
}

impl Play {
    /// Plays it.
    pub async fn run(&self) -> Result<Measured> {
        let seconds = Duration::from_secs_f64;
        let load = Load {
            what: "load".to_owned(),
            sessions: self.sessions,
            batch: self.batch,
            pace: self.rate.map_or(Pace::Closed, Pace::Open),
            warm_up: seconds(self.warm_up),
            length: seconds(self.seconds),
            connections: self.connections,
            script: Script {
                code: self.code.clone(),
                episode_steps: self.episode_steps,
                timeout: seconds(self.timeout),
            },
            guests: self.guests,
        };
        let started = match (&self.url, &self.openenv) {
            (Some(url), _) => {
                let process = self.pid.map(Process::new);
                return measure(&Place { kind: Kind::Ours, url: url.clone(), process }, &load).await;
            }
            (None, Some(python)) => Running::openenv(python, self.sessions, Executor::Exec).await?,
            (None, None) => Running::ours(&self.server).await?,
        };
        measure(&started.place, &load).await
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "must be a number of 1 or more".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| (1e-3..1e9).contains(number))
        .ok_or_else(|| "must be a number between 0.001 and 1e9".to_owned())
}
