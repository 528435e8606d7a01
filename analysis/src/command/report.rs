//! `analysis report`: a study's report, and the generated parts of a document about it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::report::marked;
use crate::report::whole::Report;
use crate::results::file::Results;
use crate::two_by_two::options::Options;

/// The folder of a study's report, in the study's folder.
const FOLDER: &str = "report";

/// Sections that are also printed.
const PRINTED: [&str; 2] = ["main", "aims"];

/// Write a study's report: a page, Markdown, figures and tables
///
/// Writes into a folder: index.html (one page that is complete in itself), summary.md, figures/*.svg and
/// *.png, tables/*.tex. Prints the main table.
///
/// With --update, the parts of a document between `<!-- generated: NAME -->` and `<!-- end -->` are generated
/// again, and the rest of it does not change. NAME is one of: summary, aims, main, seeds, figures, tests,
/// statistics, example, ablations, learning, training, durations, provenance. In a document about several studies, the parts of
/// the one that --study names are `<!-- generated: STUDY:NAME -->`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  analysis report runs/studies/small\n  \
    analysis report runs/studies/small --with runs/studies/no-recovery --with runs/studies/mixed-50\n  \
    analysis report docs/study/results.json --figures docs/study --update docs/STUDY.md\n  \
    analysis report docs/study/results.json --figures docs/study --update docs/STUDY.md --check")]
pub struct Args {
    /// A study's folder, or a file of `analysis collect`
    #[arg(value_name = "RUN|FILE")]
    study: PathBuf,
    /// Another study of the same tasks, to compare with; repeat for more
    #[arg(long, value_name = "RUN|FILE")]
    with: Vec<PathBuf>,
    /// The folder of the report [default: RUN/report, unless --update or --figures is given]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Update the generated parts of this document
    #[arg(long, value_name = "FILE")]
    update: Option<PathBuf>,
    /// What the document of --update calls this study, if it is about several
    #[arg(long = "study", value_name = "STUDY", requires = "update")]
    name: Option<String>,
    /// Write the figures (SVG) to this folder; the document of --update refers to them there
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// Write nothing; fail if --update or --figures would change a file
    #[arg(long)]
    check: bool,
}

/// Runs the command.
///
/// # Errors
/// If a study cannot be read, a file cannot be written, or --check finds a difference.
pub fn run(args: &Args, warnings: &mut Vec<String>) -> anyhow::Result<String> {
    if args.check && args.update.is_none() && args.figures.is_none() {
        bail!("--check compares what --update or --figures would write; give one of them");
    }
    let results = Results::open(&args.study, warnings)?;
    let mut others = Vec::new();
    for path in &args.with {
        others.push((path.display().to_string(), Results::open(path, warnings)?));
    }
    let report = Report::of(&results, &others, &Options::default(), warnings)?;
    let mut text = printed(&report);
    if let Some(folder) = folder(args) {
        report.write(&folder)?;
        text.push_str(&format!("\nThe page: {}\n", folder.join("index.html").display()));
    }
    let mut differing = Vec::new();
    if let Some(folder) = &args.figures {
        for figure in report.figures() {
            put(&folder.join(format!("{}.svg", figure.name)), &figure.file(), args.check, &mut differing)?;
        }
    }
    if let Some(path) = &args.update {
        let figures = relative(args.figures.as_deref(), path)?;
        let old = files::read_text(path)?;
        let (new, changed) =
            marked::update(&old, &report, &figures, args.name.as_deref().unwrap_or_default())
                .with_context(|| path.display().to_string())?;
        if !changed.is_empty() && args.check {
            differing.push(format!("{}: {}", path.display(), changed.join(", ")));
        } else if !changed.is_empty() {
            files::write_text(path, &new)?;
        }
    }
    if !differing.is_empty() {
        bail!(
            "not what {} gives:\n  {}\nrun the same command without --check",
            args.study.display(),
            differing.join("\n  ")
        );
    }
    Ok(text)
}

/// The folder of the report; none if no report is wanted.
fn folder(args: &Args) -> Option<PathBuf> {
    if args.out.is_some() || args.update.is_some() || args.figures.is_some() {
        return args.out.clone().filter(|_| !args.check);
    }
    let beside = if args.study.is_dir() { args.study.as_path() } else { args.study.parent()? };
    Some(beside.join(FOLDER))
}

fn printed(report: &Report) -> String {
    let sections = report.sections.iter().filter(|section| PRINTED.contains(&section.name));
    let sections = sections.map(|section| format!("{}\n\n{}", section.title, section.markdown("figures")));
    format!("{}\n\n{}", report.title, sections.collect::<Vec<_>>().join("\n"))
}

/// Writes a file, or with `check` notes that it differs.
fn put(path: &Path, text: &str, check: bool, differing: &mut Vec<String>) -> anyhow::Result<()> {
    if !check {
        return Ok(files::write_text(path, text)?);
    }
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        differing.push(path.display().to_string());
    }
    Ok(())
}

/// The figures' folder, relative to the document's.
fn relative(figures: Option<&Path>, document: &Path) -> anyhow::Result<String> {
    let Some(figures) = figures else { return Ok("figures".to_owned()) };
    let parent = document.parent().unwrap_or(Path::new(""));
    let inside = figures.strip_prefix(parent).with_context(|| {
        format!("--figures {} must lie in the folder of --update {}", figures.display(), document.display())
    })?;
    Ok(inside.display().to_string())
}
