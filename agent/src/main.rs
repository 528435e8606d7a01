//! The command line: parse, run, and say how it went.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;

use agent::config::RunConfig;
use agent::model::scripted::drills;
use agent::run::{self, Options, Report};
use clap::{Args, Parser, Subcommand};
use client::Retry;
use tokio::sync::watch;

/// Plays tasks of an environment server: a model's words in, actions out.
#[derive(Debug, Parser)]
#[command(version = concat!(env!("CARGO_PKG_VERSION"), " ", env!("GIT_COMMIT")), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays every agent of a config on every task, and writes results and traces.
    ///
    /// Results go to <output_dir>/<run_name>. A run can be stopped (Ctrl-C or SIGTERM) and started again with
    /// the same command: what has a completed result is not played again; what failed is. The exit status is 0
    /// if every episode has an evaluation, 1 otherwise, 130 if the run was stopped.
    #[command(after_long_help = EXAMPLES)]
    Run(RunArgs),
    /// Writes short conversations that teach a small model to copy, for `trainer prepare --chat`.
    #[command(after_help = "Examples:
  agent drills --kind spans --count 20000 --out runs/drills/spans.jsonl
  agent drills --kind rows --count 5000 --seed 7 --out runs/drills/rows.jsonl")]
    Drills(DrillsArgs),
}

const EXAMPLES: &str = "\
Examples:
  Play a config on the tasks in tasks/easy, with an environment server of the run's own:
    agent run --config agent_configs/habits/persistent-habit_in_reset.yaml --tasks-root tasks/easy

  The first 10 tasks only, on a server that is already there:
    agent run --config agent_configs/habits/reset-habit_in_reset.yaml \\
      --env http://127.0.0.1:50051 --max-examples 10

  A trained adapter, from the inference server that serves it:
    trainer serve --model models/base --adapter persistent=runs/adapter --listen 127.0.0.1:50052
    agent run --config agent_configs/served/persistent.yaml \\
      --tasks-root tasks/easy --inference http://127.0.0.1:50052";

#[derive(Debug, Args)]
struct RunArgs {
    /// The run config (YAML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A task folder: its manifest names the task set to play. Needed without --env.
    #[arg(long, value_name = "DIR", required_unless_present_any = ["env", "check"])]
    tasks_root: Option<PathBuf>,
    /// A running environment server, such as http://127.0.0.1:50051. Without it, the run starts its own.
    #[arg(long, value_name = "URL")]
    env: Option<String>,
    /// A running inference server (`trainer serve`), for the agents whose backend is `inference`; instead of the
    /// config's `llm.url`.
    #[arg(long, value_name = "URL")]
    inference: Option<String>,
    /// Where the run's folder is made; the config's output_dir if not given.
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Play only the first N tasks of each family.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_examples: Option<u64>,
    /// Only read the config; the exit status says whether it can be used.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, Args)]
struct DrillsArgs {
    /// What is copied.
    #[arg(long)]
    kind: drills::Kind,
    /// How many conversations.
    #[arg(long, value_name = "N")]
    count: u64,
    /// The n-th conversation depends on the kind and the sum of seed and n.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A file of JSON lines; one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) if args.check => read_config(&args).map(|_| ExitCode::SUCCESS),
        Command::Run(args) => run(args).map(|report| conclude(&report)),
        Command::Drills(args) => write_drills(&args).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_drills(args: &DrillsArgs) -> Result<(), Box<dyn std::error::Error>> {
    let failed = |error| format!("{}: {error}", args.out.display());
    if let Some(folder) = args.out.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = BufWriter::new(File::create(&args.out).map_err(failed)?);
    drills::write(args.kind, args.count, args.seed, &mut file).map_err(failed)?;
    Ok(())
}

fn read_config(args: &RunArgs) -> Result<RunConfig, Box<dyn std::error::Error>> {
    let text = files::read_text(&args.config)?;
    Ok(RunConfig::parse(&text).map_err(|error| format!("{}: {error}", args.config.display()))?)
}

fn run(args: RunArgs) -> Result<Report, Box<dyn std::error::Error>> {
    let mut config = read_config(&args)?;
    if let Some(output_dir) = args.output_dir {
        config.output_dir = output_dir;
    }
    if let Some(url) = args.inference {
        config.set_inference(&url);
    }
    let options = Options {
        config,
        tasks_root: args.tasks_root,
        env: args.env,
        max_examples: args.max_examples.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        retry: Retry::default(),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let signals = tokio::spawn(watch_signals(stop));
        let report = run::execute(options, stopped).await;
        signals.abort();
        Ok(report?)
    })
}

/// The first Ctrl-C or SIGTERM lets the run end cleanly, the second ends the process.
async fn watch_signals(stop: watch::Sender<bool>) {
    asked_to_stop().await;
    eprintln!("stopping: the running episodes are closed (Ctrl-C again to end at once)");
    stop.send_replace(true);
    asked_to_stop().await;
    std::process::exit(130);
}

async fn asked_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await; // no such signal here
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

/// Says how the run went; comes back with its exit status.
fn conclude(report: &Report) -> ExitCode {
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
        eprintln!("stopped with {left} episodes not played; the same command goes on from here");
        return ExitCode::from(130);
    }
    if report.failed() > 0 {
        eprintln!("{} episodes failed; the same command plays them again", report.failed());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
