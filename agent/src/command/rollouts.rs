//! `agent rollouts`.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use client::Retry;

use super::run::read_config;
use super::watched::spans;
use crate::rollouts::{Options, check, serve};

/// Plays episodes for `trainer grpo`, which starts this command. Messages are JSON lines on standard input and output
/// (`proto::rollout`). It ends when its input does.
#[derive(Debug, Args)]
pub struct RolloutsArgs {
    /// The run config (YAML), of one agent whose `llm.backend` is `inference`.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A task folder: its manifest names the task set to play. Needed without --env.
    #[arg(long, value_name = "DIR")]
    tasks_root: Option<PathBuf>,
    /// A running environment server; it replaces the config's `env`. May be repeated.
    #[arg(long, value_name = "URL")]
    env: Vec<String>,
    /// The folder for the log of an environment server that this command starts; the config's output_dir if not given.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Only check the config, all its problems at once, and then the prompts that it names; the exit status is 0 if there are
    /// none.
    #[arg(long)]
    check: bool,
}

impl RolloutsArgs {
    pub fn run(self) -> Result<u8, Box<dyn Error>> {
        let mut config = read_config(&self.config)?;
        if let Some(output_dir) = self.output_dir {
            config.output_dir = output_dir;
        }
        if !self.env.is_empty() {
            config.envs = self.env;
        }
        if self.check {
            check(&config)?;
            return Ok(0);
        }
        let _spans = spans()?;
        let options = Options { config, tasks_root: self.tasks_root, retry: Retry::default() };
        let runtime = tokio::runtime::Runtime::new()?;
        let served = runtime.block_on(serve(options));
        // A read of standard input that is under way does not end by itself.
        runtime.shutdown_background();
        served?;
        Ok(0)
    }
}
