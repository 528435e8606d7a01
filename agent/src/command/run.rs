//! `agent run`, and what `agent teach` plays.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use client::Retry;
use lifecycle::interrupt::EXIT_CODE;

use super::watched::{spans, stopped};
use crate::config::RunConfig;
use crate::run::{self, Options, Report};

pub const EXAMPLES: &str = "\
Examples:
  Play a config on the tasks in tasks/easy; the run starts an environment server:
    agent run --config agent_configs/habits/persistent-habit_in_reset.yaml --tasks-root tasks/easy

  Play the first 10 tasks only, on a running server:
    agent run --config agent_configs/habits/reset-habit_in_reset.yaml \\
      --env http://127.0.0.1:50051 --max-examples 10

  Play a trained adapter, served by an inference server:
    trainer serve --model models/base --adapter persistent=runs/adapter --listen 127.0.0.1:50052
    agent run --config agent_configs/served/persistent.yaml \\
      --tasks-root tasks/easy --inference http://127.0.0.1:50052";

#[derive(Debug, Args)]
pub struct RunArgs {
    /// The run config (YAML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    play: PlayArgs,
    /// Only check the config, all its problems at once, and then the prompts that it or --prompts names; the exit status is
    /// 0 if there are none.
    #[arg(long)]
    check: bool,
}

/// Where and what to play.
#[derive(Debug, Args)]
pub struct PlayArgs {
    /// A task folder: its manifest names the task set to play. Needed without --env.
    #[arg(long, value_name = "DIR")]
    tasks_root: Option<PathBuf>,
    /// A running environment server, such as http://127.0.0.1:50051; it replaces the config's `env`. Without one, the run
    /// starts its own. May be repeated: an episode is played on a server with free places, and if that is lost, on another
    /// one.
    #[arg(long, value_name = "URL")]
    env: Vec<String>,
    /// A running model server, for the agents whose model is on one: `trainer serve`, or with `backend: vllm` the base
    /// URL of vLLM, such as http://127.0.0.1:8000/v1. It replaces the config's `llm.url`. May be repeated: a call goes to
    /// the least busy server.
    #[arg(long, value_name = "URL")]
    inference: Vec<String>,
    /// A folder with texts that the model is told, in place of ours: see agent_configs/README.md. It replaces the config's
    /// `prompts`.
    #[arg(long, value_name = "DIR")]
    prompts: Option<PathBuf>,
    /// The folder in which the run's folder is made; the config's output_dir if not given.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Play only the first N tasks of each family.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_examples: Option<u64>,
}

impl RunArgs {
    pub fn run(self) -> Result<u8, Box<dyn Error>> {
        if self.check {
            run::check(&config_of(&self.config, &self.play)?)?;
            return Ok(0);
        }
        play(&self.config, self.play).map(|report| conclude(&report))
    }
}

/// Plays a config.
pub fn play(config: &Path, args: PlayArgs) -> Result<Report, Box<dyn Error>> {
    let config = config_of(config, &args)?;
    let _spans = spans()?;
    let options = Options {
        config,
        tasks_root: args.tasks_root,
        envs: args.env,
        max_examples: args.max_examples.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        retry: Retry::default(),
    };
    let stopped = stopped("the running episodes are closed")?;
    Ok(tokio::runtime::Runtime::new()?.block_on(run::execute(options, stopped))?)
}

/// The config in a file.
pub fn read_config(path: &Path) -> Result<RunConfig, Box<dyn Error>> {
    let text = files::read_text(path)?;
    Ok(RunConfig::parse(&text).map_err(|error| {
        let between = if error.0.0.len() == 1 { " " } else { "\n" };
        format!("{}:{between}{error}", path.display())
    })?)
}

/// The config in a file, with what the command line replaces.
fn config_of(path: &Path, args: &PlayArgs) -> Result<RunConfig, Box<dyn Error>> {
    let mut config = read_config(path)?;
    if let Some(output_dir) = &args.output_dir {
        config.output_dir.clone_from(output_dir);
    }
    if args.prompts.is_some() {
        config.prompts.clone_from(&args.prompts);
    }
    if !args.inference.is_empty() {
        config.set_inference(&args.inference);
    }
    Ok(config)
}

/// Prints the results, and returns the exit status.
pub fn conclude(report: &Report) -> u8 {
    for line in &report.lines {
        let summary = &line.summary;
        let score = summary.metrics.get("score").and_then(|score| score["mean"].as_f64());
        eprintln!(
            "{} on {}: {} played now, {} kept{}; of all {}: {} solved, mean score {}, {:.1} turns and {:.0} \
             tokens an episode",
            line.agent,
            line.family,
            line.played,
            line.kept,
            if line.failed > 0 { format!(", {} FAILED", line.failed) } else { String::new() },
            summary.num_tasks_executed,
            summary.num_tasks_solved,
            score.map_or_else(|| "-".to_owned(), |score| format!("{score:.3}")),
            summary.average_steps,
            summary.average_total_tokens,
        );
    }
    eprintln!("results: {}", report.folder.display());
    if report.interrupted {
        let left: usize = report.lines.iter().map(|line| line.left).sum();
        eprintln!("stopped with {left} episodes not played; the same command continues the run");
        return EXIT_CODE;
    }
    if report.failed() > 0 {
        eprintln!("{} episodes failed; the same command plays them again", report.failed());
        return 1;
    }
    0
}
