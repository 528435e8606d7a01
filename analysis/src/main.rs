//! The `analysis` binary: parses arguments, runs one command, prints.
//!
//! stdout is data, stderr is for warnings and errors. Exit code 0: done, with or without warnings; 1: the
//! output could not be written; 2: the arguments, or the files that they name, cannot be used.

use std::io::{self, Write as _};
use std::process::ExitCode;

use analysis::command::{collect, compare, failures, main_table, report, trace_stats, two_by_two, view};
use clap::Parser;

/// Tables and statistics from the files of runs
#[derive(Parser, Debug)]
#[command(
    version,
    after_help = "Examples:\n  analysis trace-stats runs/persistent runs/reset\n  \
    analysis compare persistent.tar.gz reset.tar.gz\n  analysis failures runs/persistent runs/reset\n  \
    analysis two-by-two --pp runs/pp --pr runs/pr --rp runs/rp --rr runs/rr\n  \
    analysis main-table table.json > table.tex\n  \
    analysis report runs/studies/small\n  \
    analysis view runs/studies/small\n\nResults go to stdout, warnings to stderr. \
    Exit code 2: bad arguments or files."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    TraceStats(trace_stats::Args),
    Compare(compare::Args),
    MainTable(main_table::Args),
    Failures(failures::Args),
    TwoByTwo(two_by_two::Args),
    Collect(collect::Args),
    Report(report::Args),
    View(view::Args),
}

impl Command {
    fn run(&self, warnings: &mut Vec<String>) -> anyhow::Result<String> {
        match self {
            Self::TraceStats(args) => trace_stats::run(args, warnings),
            Self::Compare(args) => compare::run(args, warnings),
            Self::MainTable(args) => main_table::run(args, warnings),
            Self::Failures(args) => failures::run(args, warnings),
            Self::TwoByTwo(args) => two_by_two::run(args, warnings),
            Self::Collect(args) => collect::run(args, warnings),
            Self::Report(args) => report::run(args, warnings),
            Self::View(args) => view::run(args, warnings),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut warnings = Vec::new();
    let outcome = arguments.command.run(&mut warnings);
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    if warnings.len() > 1 {
        eprintln!("{} warnings", warnings.len());
    }
    match outcome {
        Ok(text) => print(&text),
        Err(error) => {
            eprintln!("error: {}", message(&error));
            ExitCode::from(2)
        }
    }
}

/// The error and its causes, without causes that the text before them quotes already.
fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        quoted if quoted.contains(&cause) => text,
        _ => format!("{text}: {cause}"),
    })
}

fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // The reader has closed the pipe (`analysis ... | head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: writing the result: {error}");
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::message;

    #[test]
    fn causes_are_said_once() {
        let error = anyhow!("no such file").context("reading a.json: no such file").context("cells[0].path");
        assert_eq!(message(&error), "cells[0].path: reading a.json: no such file");
    }
}
