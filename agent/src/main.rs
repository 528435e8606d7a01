//! The command line.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use agent::chat;
use agent::config::RunConfig;
use agent::run::{self, Options, Report};
use agent::teach;
use agent::teachers::drills;
use clap::{Args, Parser, Subcommand};
use client::Retry;
use command::chat::ChatArgs;
use lifecycle::interrupt::EXIT_CODE;
use lifecycle::{Interrupt, telemetry};
use proto::dataset::Observations;
use tokio::signal::unix::SignalKind;
use tokio::sync::watch;

mod command;

/// Plays tasks of an environment server: turns a model's answers into actions.
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
    /// the same command: completed episodes are not played again, failed ones are. The exit status is 0 if
    /// every episode has an evaluation, 1 otherwise, and 130 if the run was stopped.
    #[command(after_long_help = EXAMPLES)]
    Run(RunArgs),
    /// Plays every agent of a config on every task, as `run`, and writes training data of the good episodes.
    ///
    /// The agents are teachers that differ in their regime: one with `persistent_state: true`, one with `false`. A task is
    /// kept if every teacher's episode of it is good. For each teacher, --out gets a folder with messages.jsonl (as TRL,
    /// Axolotl and `trainer prepare --chat` read it), sharegpt.jsonl (LLaMA-Factory, Axolotl) and train.parquet (Hugging
    /// Face's datasets), and report.json says what was dropped and why. The run itself stays in <output_dir>/<run_name>.
    #[command(after_long_help = "Examples:
  Both scripted teachers on the tasks in tasks/easy, solved episodes only:
    agent teach --config agent_configs/teachers/pair.yaml --tasks-root tasks/easy --only-solved --out data/taught

  Other rules for the same episodes, without playing again:
    agent teach --from runs/teachers/pair --min-score 0.9 --max-total-tokens 20000 --out data/taught-short")]
    Teach(TeachArgs),
    Chat(ChatArgs),
    /// Writes short conversations that teach a small model to copy, for `trainer prepare --chat`.
    #[command(after_help = "Examples:
  agent drills --kind spans --count 20000 --out runs/drills/spans.jsonl
  agent drills --kind rows --count 5000 --seed 7 --out runs/drills/rows.jsonl")]
    Drills(DrillsArgs),
}

const EXAMPLES: &str = "\
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
struct RunArgs {
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
struct PlayArgs {
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

#[derive(Debug, Args)]
struct TeachArgs {
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

#[derive(Debug, Args)]
struct DrillsArgs {
    /// What the model has to copy.
    #[arg(long)]
    kind: drills::Kind,
    /// The number of conversations.
    #[arg(long, value_name = "N")]
    count: u64,
    /// Seed; the n-th conversation depends only on the kind and on seed + n.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The file to write (JSON lines); an existing file is replaced.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) if args.check => check(&args).map(|()| ExitCode::SUCCESS),
        Command::Run(args) => run(&args.config, args.play).map(|report| conclude(&report)),
        Command::Teach(args) => write_training_data(args),
        Command::Chat(args) => chat(args),
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

fn write_training_data(args: TeachArgs) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (folder, code) = match (args.from, args.config) {
        (None, Some(config)) => {
            let report = run(&config, args.play)?;
            let code = conclude(&report);
            if report.interrupted {
                return Ok(code);
            }
            (report.folder, code)
        }
        (from, _) => (from.unwrap_or_default(), ExitCode::SUCCESS),
    };
    let options = teach::Options {
        run: folder,
        filter: teach::Filter {
            only_solved: args.only_solved,
            min_score: args.min_score,
            allow_missing_variables: args.allow_missing_variables,
            max_total_tokens: args.max_total_tokens,
            max_turns: args.max_turns,
        },
        paired: !args.unpaired,
        observations: args.paper_observations.then_some(Observations::Paper),
        out: args.out,
    };
    let report = teach::write(&options)?;
    eprintln!("{report}\ntraining data: {}", options.out.display());
    Ok(code)
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

fn read_config(path: &Path) -> Result<RunConfig, Box<dyn std::error::Error>> {
    let text = files::read_text(path)?;
    Ok(RunConfig::parse(&text).map_err(|error| {
        let between = if error.0.0.len() == 1 { " " } else { "\n" };
        format!("{}:{between}{error}", path.display())
    })?)
}

/// The config in a file, with what the command line replaces.
fn config_of(path: &Path, args: &PlayArgs) -> Result<RunConfig, Box<dyn std::error::Error>> {
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

fn check(args: &RunArgs) -> Result<(), Box<dyn std::error::Error>> {
    Ok(run::check(&config_of(&args.config, &args.play)?)?)
}

fn run(config: &Path, args: PlayArgs) -> Result<Report, Box<dyn std::error::Error>> {
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

fn chat(args: ChatArgs) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let config = args.config.as_deref().map(read_config).transpose()?;
    let options = args.options(config);
    let _spans = spans()?;
    let stopped = stopped("the episode is closed")?;
    let played = tokio::runtime::Runtime::new()?.block_on(chat::play(&options, stopped))?;
    let Some(played) = played else { return Ok(ExitCode::from(EXIT_CODE)) };
    command::chat::report(&played);
    Ok(if played.result.result.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What sends the episodes' spans until it is dropped.
fn spans() -> Result<telemetry::Spans, String> {
    telemetry::Program::client("agent", env!("CARGO_PKG_VERSION")).send_spans()
}

/// What turns true at the first signal that stops the program; the second ends it. `what` is done meanwhile.
fn stopped(what: &'static str) -> std::io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    Interrupt::listen(&[SignalKind::interrupt(), SignalKind::terminate()], move |number| {
        if number > 1 {
            std::process::exit(EXIT_CODE.into());
        }
        eprintln!("stopping: {what} (Ctrl-C again to end at once)");
        stop.send_replace(true);
    })?;
    Ok(stopped)
}

/// Prints the results, and returns the exit status.
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
        eprintln!("stopped with {left} episodes not played; the same command continues the run");
        return ExitCode::from(EXIT_CODE);
    }
    if report.failed() > 0 {
        eprintln!("{} episodes failed; the same command plays them again", report.failed());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
