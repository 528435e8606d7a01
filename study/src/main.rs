//! The command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use lifecycle::interrupt::{self, Interrupt};
use study::experiment::Experiment;
use study::plan::{self, Place, Plan};
use study::programs::{Program, Programs};
use study::run::{Interrupted, Runner};
use study::{dry_run, words};
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
    Run(Arguments),
}

const EXAMPLES: &str = "\
Examples:
  study run experiments/small.yaml
  study run experiments/small.yaml --seeds 3
  study run experiments/ablations/no-recovery.yaml
  study run experiments/paper.yaml --dry-run        (what is missing, and what it would take)";

#[derive(Args)]
struct Arguments {
    /// The experiment file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Number of repeats, instead of the file's `seeds`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// The output folder.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Run nothing; check configs and inputs, and print what would be run, what is missing, and how much
    /// time, disk and memory it would take.
    #[arg(long)]
    dry_run: bool,
    /// Run every stage again, even if it has not changed. To resume after an interrupt, leave this flag out:
    /// with it, the study begins again.
    #[arg(long)]
    fresh: bool,
}

fn main() -> ExitCode {
    let Command::Run(arguments) = Cli::parse().command;
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<Interrupted>() { ExitCode::from(interrupt::EXIT_CODE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut experiment = Experiment::read(&arguments.file)?;
    experiment.seeds = arguments.seeds.unwrap_or(experiment.seeds);
    let name = name(&arguments.file)?;
    let place = Place { out: &arguments.out, name: &name };
    let programs = Programs::find();
    let analysis = programs.as_ref().map_or("", |programs| programs.sha256(Program::Analysis));
    let plan =
        plan::plan(&experiment, place, analysis).with_context(|| format!("{}", arguments.file.display()))?;
    if arguments.dry_run {
        return dry_run(&experiment, &plan, place, &programs, arguments.fresh);
    }
    let programs = programs?;
    let runner =
        Runner { experiment: &experiment, plan: &plan, place, programs: &programs, fresh: arguments.fresh };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let interrupt = Interrupt::listen(&signals, |_| {}).context("listening to signals")?;
    let tables = runtime.block_on(runner.run(interrupt))?;
    write!(std::io::stdout(), "{tables}").context("writing to standard output")?;
    eprintln!("\nreport: {}", place.study().join("report").display());
    Ok(ExitCode::SUCCESS)
}

fn dry_run(
    experiment: &Experiment,
    plan: &Plan,
    place: Place<'_>,
    programs: &Result<Programs>,
    fresh: bool,
) -> Result<ExitCode> {
    let findings = dry_run::inspect(experiment, plan, place, programs.as_ref(), fresh)?;
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
