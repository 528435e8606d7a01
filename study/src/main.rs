//! The command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use lifecycle::interrupt::{self, Interrupt};
use study::experiment::Experiment;
use study::kind::Kind;
use study::plan::{self, Place, Plan};
use study::programs::{Program, Programs};
use study::run::{Interrupted, Runner, command_line};
use study::stage::Stage;
use study::{dry_run, http, record, serve, words};
use tokio::signal::unix::SignalKind;

/// Whole studies, from an experiment file to a report
#[derive(Parser)]
#[command(version = concat!(env!("CARGO_PKG_VERSION"), " ", env!("GIT_COMMIT")), arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs what an experiment file describes: tasks, traces, training, episodes, report
    ///
    /// The output of each stage is in OUT/stages, under a hash of the stage's settings and inputs. So a stage
    /// that has not changed is not run again, and studies share the stages that they have in common. OUT/NAME
    /// has links to them under readable names, study.json and the report. Ctrl-C stops the running stage in
    /// order; the same command resumes the study. Paths in the file are relative to the working folder,
    /// except `extends`, which is relative to the file. The exit status is 0 if the study is finished, 130 if
    /// it was stopped.
    #[command(after_help = EXAMPLES)]
    Run(RunArguments),
    /// Serves the models of an experiment's evaluation, until Ctrl-C
    ///
    /// The base and all adapters that are finished, by the server that the file names: `trainer serve`, or vLLM. Says its
    /// base URL once it answers. Programs on this machine may have it load further adapters, as `study run --inference`
    /// does.
    #[command(after_help = "Examples:
  study serve experiments/paper.yaml
  study serve experiments/paper.yaml --port 8001 --dry-run        (the server's command, and what is missing)")]
    Serve(ServeArguments),
}

const EXAMPLES: &str = "\
Examples:
  study run experiments/small.yaml
  study run experiments/small.yaml --seeds 3
  study run experiments/ablations/no-recovery.yaml
  study run experiments/paper.yaml --dry-run        (what is missing, and what it would take)

  Parts of a study:
  study run experiments/paper.yaml --only 'traces/*'
  study run experiments/paper.yaml --only '*/cells/medium/persistent_in_*' --inference http://127.0.0.1:8000/v1";

/// Which experiment.
#[derive(Args)]
struct Which {
    /// The experiment file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The output folder.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
}

#[derive(Args)]
struct RunArguments {
    #[command(flatten)]
    which: Which,
    /// Number of repeats, instead of the file's `seeds`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Run only the stages whose names match this pattern, such as 'traces/*', and what they need: `*` is any text.
    /// May be repeated. --dry-run lists the names.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// The base URL of a running server with vLLM's HTTP API, such as http://127.0.0.1:8000/v1, that serves the models in
    /// place of the one that the file names; it loads the adapters. May be repeated.
    #[arg(long, value_name = "URL")]
    inference: Vec<String>,
    /// Run nothing; check configs and inputs, and print what would be run, what is missing, and how much
    /// time, disk and memory it would take.
    #[arg(long)]
    dry_run: bool,
    /// Run every stage again, even if it has not changed. To resume after an interrupt, leave this flag out:
    /// with it, the study begins again.
    #[arg(long)]
    fresh: bool,
}

#[derive(Args)]
struct ServeArguments {
    #[command(flatten)]
    which: Which,
    /// The repeat whose models are served. [default: the first]
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// The port, on 127.0.0.1.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    port: u16,
    /// Start nothing; print the server's command, or what is missing.
    #[arg(long)]
    dry_run: bool,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(arguments) => run(&arguments),
        Command::Serve(arguments) => serve(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        if error.is::<Interrupted>() { ExitCode::from(interrupt::EXIT_CODE) } else { ExitCode::FAILURE }
    })
}

/// The plan of an experiment, and the programs that it needs.
fn plan(experiment: &Experiment, which: &Which, name: &str) -> Result<(Plan, Result<Programs>)> {
    let programs = Programs::find();
    let analysis = programs.as_ref().map_or("", |programs| programs.sha256(Program::Analysis));
    let plan = plan::plan(experiment, Place { out: &which.out, name }, analysis);
    Ok((plan.with_context(|| which.file.display().to_string())?, programs))
}

fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let which = &arguments.which;
    let mut experiment = Experiment::read(&which.file)?;
    experiment.seeds = arguments.seeds.unwrap_or(experiment.seeds);
    if !arguments.inference.is_empty() {
        experiment.evaluation.serve_from(&arguments.inference);
    }
    let name = name(&which.file)?;
    let place = Place { out: &which.out, name: &name };
    let (mut plan, programs) = plan(&experiment, which, &name)?;
    if !arguments.only.is_empty() {
        plan = plan.only(&arguments.only)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let named = runtime.block_on(name_base(&mut plan, arguments.fresh));
    if arguments.dry_run {
        return dry_run(&experiment, &plan, place, &programs, named, arguments.fresh);
    }
    named?;
    let programs = programs?;
    let runner =
        Runner { experiment: &experiment, plan: &plan, place, programs: &programs, fresh: arguments.fresh };
    let Some(tables) = runtime.block_on(runner.run(interrupt()?))? else {
        eprintln!("\noutputs: {}", place.study().display());
        return Ok(ExitCode::SUCCESS);
    };
    write!(std::io::stdout(), "{tables}").context("writing to standard output")?;
    eprintln!("\nreport: {}", place.study().join("report").display());
    Ok(ExitCode::SUCCESS)
}

/// Asks running servers what they call the base, if a cell that is to be played has to know.
async fn name_base(plan: &mut Plan, fresh: bool) -> Result<()> {
    let is_cell = |stage: &&Stage| stage.kind == Kind::Evaluate;
    let Some(running) = plan.unnamed_base() else { return Ok(()) };
    if !record::pending(&plan.stages, fresh).iter().any(is_cell) {
        return Ok(());
    }
    let name = http::base_name(running).await?;
    plan.name_base(&name)
}

fn serve(arguments: &ServeArguments) -> Result<ExitCode> {
    let experiment = Experiment::read(&arguments.which.file)?;
    let name = name(&arguments.which.file)?;
    let (plan, programs) = plan(&experiment, &arguments.which, &name)?;
    let programs = programs?;
    let server = serve::server(&plan, arguments.seed.unwrap_or(experiment.first_seed))?;
    if arguments.dry_run {
        let (program, arguments) = server.command(&programs);
        ensure!(server.missing().is_none(), "{}", server.missing().unwrap_or_default());
        writeln!(std::io::stdout(), "{}", command_line(&program, &arguments))
            .context("writing to standard output")?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve::serve(&server, &programs, arguments.port, interrupt()?))?;
    Ok(ExitCode::SUCCESS)
}

/// Signals to stop.
fn interrupt() -> Result<Interrupt> {
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    Interrupt::listen(&signals, |_| {}).context("listening to signals")
}

fn dry_run(
    experiment: &Experiment,
    plan: &Plan,
    place: Place<'_>,
    programs: &Result<Programs>,
    named: Result<()>,
    fresh: bool,
) -> Result<ExitCode> {
    let mut findings = dry_run::inspect(experiment, plan, place, programs.as_ref(), fresh)?;
    findings.missing.extend(named.err().map(|error| format!("{error:#}")));
    let mut stdout = std::io::stdout();
    write!(stdout, "{}", findings.text).context("writing to standard output")?;
    if findings.missing.is_empty() {
        writeln!(stdout, "nothing is missing").context("writing to standard output")?;
        return Ok(ExitCode::SUCCESS);
    }
    let missing = words::count(findings.missing.len() as u64);
    writeln!(stdout, "missing ({missing}):\n  {}", findings.missing.join("\n  "))
        .context("writing to standard output")?;
    Ok(ExitCode::FAILURE)
}

/// A study's name is its file's.
fn name(file: &Path) -> Result<String> {
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    ensure!(name != "stages" && !name.starts_with('.'), "{}: choose another file name", file.display());
    Ok(name)
}
