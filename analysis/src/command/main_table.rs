//! `analysis main-table`: the paper's results table.

use std::path::PathBuf;

use crate::main_table::Table;
use crate::main_table::spec::Spec;
use crate::stats::bootstrap::Bootstrap;

/// The paper's results table as LaTeX, from a spec file that names each cell's summary
///
/// The spec is a JSON object: `cells`, and optionally `caption`, `label`,
/// `score_scale` (auto, fraction or percent; with auto, scores up to 1.5 are fractions)
/// and `solved_format` (count or percent). A cell has `difficulty` (Easy or Medium), `train`
/// and `runtime` (Persistent or Reset) and `path` (the summary's file); optionally
/// `metrics_path` (a folder of its episodes' results: adds half the width of the 95 %
/// bootstrap interval of the mean score) and `score_override` (a score to show
/// instead of the summary's, on the same scale). Paths are relative to the spec file, or to the folder of --in.
///
/// The best value of each difficulty is bold. A combination of train and
/// runtime without a cell is shown as "--". Needs the LaTeX packages booktabs, multirow,
/// graphicx, colortbl and xcolor (`\usepackage[table]{xcolor}` loads the last two).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  analysis main-table table.json > table.tex\n  \
    analysis main-table experiments/paper_table.json --in runs/paper > table.tex")]
pub struct Args {
    /// The spec file
    spec: PathBuf,
    /// The folder that the spec's paths are relative to [default: the spec's own]
    #[arg(long = "in", value_name = "DIR")]
    folder: Option<PathBuf>,
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
/// If the spec or a file that it names is missing or invalid; the message names file, cell and key.
pub fn run(args: &Args, warnings: &mut Vec<String>) -> anyhow::Result<String> {
    let mut spec = Spec::read(&args.spec)?;
    if let Some(folder) = &args.folder {
        spec.folder.clone_from(folder);
    }
    let bootstrap = Bootstrap { resamples: args.resamples, level: 0.95, seed: args.seed };
    Ok(Table::read(&spec, &bootstrap, warnings)?.latex())
}
