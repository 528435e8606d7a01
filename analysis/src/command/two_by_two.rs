//! `analysis two-by-two`: the four cells of training and runtime, compared.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::stats::wilcoxon::Zeros;
use crate::two_by_two::cell::Cell;
use crate::two_by_two::design::{Design, Selection};
use crate::two_by_two::options::Options;
use crate::two_by_two::report::Report;

/// Compare the four cells of training x runtime: means, paired tests, and their interaction
///
/// Takes the runs of each cell (give --pp and the others once for each training seed, in the same order of
/// seeds) and pairs their episodes by task and seed. Failed episodes are left out with a warning, and their
/// task is then missing from its run.
///
/// For each cell: mean score, share solved, share of episodes with a missing-variable
/// error (see `analysis failures --help`), generated tokens, and prompt + generated
/// tokens summed over turns. Then, for each of these, the difference of the
/// matched cells, the cost of each mismatch, and the interaction
/// (PP - PR) - (RP - RR): Wilcoxon's signed-rank test of the tasks' differences (exact
/// up to 500 tasks that differ), or McNemar's test for the difference of two shares (exact
/// up to 1,000 discordant pairs), Holm's correction over all of them, effect sizes, and
/// the smallest difference that as many tasks would show.
///
/// The unit is the task: over seeds, its values are averaged (signed-rank), its
/// signs flip together (McNemar), and the bootstrap draws it whole.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    analysis two-by-two --pp runs/pp --pr runs/pr --rp runs/rp --rr runs/rr --json two_by_two.json\n\n  \
    Two training seeds:\n  \
    analysis two-by-two --pp s1/pp --pp s2/pp --pr s1/pr --pr s2/pr \\\n    \
    --rp s1/rp --rp s2/rp --rr s1/rr --rr s2/rr")]
pub struct Args {
    /// Persistent-trained, persistent runtime; repeat for more seeds
    #[arg(long, value_name = "RUN", required = true)]
    pp: Vec<PathBuf>,
    /// Persistent-trained, reset runtime
    #[arg(long, value_name = "RUN", required = true)]
    pr: Vec<PathBuf>,
    /// Reset-trained, persistent runtime
    #[arg(long, value_name = "RUN", required = true)]
    rp: Vec<PathBuf>,
    /// Reset-trained, reset runtime
    #[arg(long, value_name = "RUN", required = true)]
    rr: Vec<PathBuf>,
    /// Only the tasks of this family
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Leave out tasks that some run lacks, instead of refusing
    #[arg(long)]
    common_tasks: bool,
    /// Also write everything, with full precision and the effect sizes not shown, to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What the signed-rank test does with tasks that do not differ
    #[arg(long, value_enum, default_value_t = Zeros::Drop)]
    zeros: Zeros,
    /// Resamples of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    resamples: usize,
    /// Seed of the bootstrap
    #[arg(long, value_name = "N", default_value_t = 3407)]
    seed: u64,
}

/// Runs the command.
///
/// # Errors
/// If runs cannot be read, are not of their cells, or cannot be paired.
pub fn run(args: &Args, warnings: &mut Vec<String>) -> anyhow::Result<String> {
    let cells: [(Cell, &[PathBuf]); 4] =
        [(Cell::PP, &args.pp), (Cell::PR, &args.pr), (Cell::RP, &args.rp), (Cell::RR, &args.rr)];
    let selection = Selection { family: args.family.clone(), common_tasks: args.common_tasks };
    let design = Design::read(&cells, &selection, warnings)?;
    let options =
        Options { resamples: args.resamples, seed: args.seed, zeros: args.zeros, ..Options::default() };
    let report = Report::of(design, options, warnings);
    if let Some(file) = &args.json {
        files::write_json(file, &report).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(report.text())
}
