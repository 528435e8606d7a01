//! `analysis collect`: a study's folder into one small file.

use std::path::PathBuf;

use crate::results::file::Results;

/// Read a study's folder into one small file: everything that its report is made of
///
/// The file holds the study's manifest, the training curves (thinned), a row an evaluation
/// episode, and one task under the four cells in full. `analysis report` makes the
/// same report of it as of the folder, so it is what to keep when models and traces go.
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
