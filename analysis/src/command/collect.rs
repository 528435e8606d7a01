//! `analysis collect`: the results of a study's folder in one small file.

use std::path::PathBuf;

use crate::results::file::Results;

/// Collect a study's results in one small file: everything that its report is made from
///
/// The file holds the study's manifest, the training curves (thinned), a row for each evaluation episode, and
/// one task under the four cells in full. `analysis report` makes the same report from the file as from the
/// folder, so keep the file when you delete models and traces.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  analysis collect runs/studies/small --out docs/study/results.json")]
pub struct Args {
    /// The study's folder, with its study.json
    #[arg(value_name = "RUN")]
    study: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// If the study cannot be read, or the file cannot be written.
pub fn run(args: &Args, warnings: &mut Vec<String>) -> anyhow::Result<String> {
    let results = Results::open(&args.study, warnings)?;
    results.write(&args.out)?;
    let episodes: usize = results.cells.iter().map(|cell| cell.episodes.len()).sum();
    Ok(format!("{}: {} cells, {episodes} episodes\n", args.out.display(), results.cells.len()))
}
