//! The command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Parser, Subcommand};
use study::experiment::Experiment;
use study::interrupt::{self, Interrupt, Interrupted};
use study::plan::{self, Place, Plan};
use study::programs::{Program, Programs};
use study::run::Runner;
use study::{dry_run, words};

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
    /// Stages lie in OUT/stages under a hash of their settings and inputs, so what did not change is not done again, and
    /// studies share what they have in common. OUT/NAME has links to them under readable names, study.json and the
    /// report. Ctrl-C ends the stage that is running in order; the same command goes on from there. Paths in the file
    /// are relative to where the command is given, but for `extends`. The exit status is 0 if all is done, 130 if it was
    /// stopped.
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
    /// The experiment.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Repeats, instead of the file's `seeds`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Where everything goes.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Check configs and inputs as far as that goes without running anything, and say what would be done, what is
    /// missing, and what it would take.
    #[arg(long)]
    dry_run: bool,
    /// Make everything anew, even what has not changed. Interrupted, it goes on without this flag: with it, it begins
    /// again.
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
        return look(&experiment, &plan, place, &programs, arguments.fresh);
    }
    let programs = programs?;
    let runner =
        Runner { experiment: &experiment, plan: &plan, place, programs: &programs, fresh: arguments.fresh };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tables = runtime.block_on(async { runner.run(Interrupt::listen()?).await })?;
    write!(std::io::stdout(), "{tables}").context("writing to standard output")?;
    eprintln!("\nreport: {}", place.study().join("report").display());
    Ok(ExitCode::SUCCESS)
}

fn look(
    experiment: &Experiment,
    plan: &Plan,
    place: Place<'_>,
    programs: &Result<Programs>,
    fresh: bool,
) -> Result<ExitCode> {
    let findings = dry_run::look(experiment, plan, place, programs.as_ref(), fresh)?;
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

/// A study is called what its file is.
fn name(file: &Path) -> Result<String> {
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    ensure!(name != "stages" && !name.starts_with('.'), "{}: choose another file name", file.display());
    Ok(name)
}
