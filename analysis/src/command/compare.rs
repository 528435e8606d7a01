//! `analysis compare`: two conditions, paired by task.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::scores::{Score, Scores};
use crate::stats::describe::Description;
use crate::stats::wilcoxon::{Method, SignedRank};
use crate::table;

/// Compare the scores of two runs, paired by task: Wilcoxon signed-rank test and effect size
///
/// Takes .tar.gz archives of results, or folders. Scores are in percent, differences
/// in percentage points, std is that of the population (divisor n). The test is
/// two-sided, drops pairs without a difference, and finds its p-value as
/// scipy.stats.wilcoxon does by default: exact for up to 50 pairs (13 if there
/// are ties or pairs without a difference), else by the normal approximation.
///
/// The effect size is the matched-pairs rank-biserial correlation 1 - 4 W / (n (n + 1)), W the smaller rank
/// sum, n the number of pairs with a difference. It is +1 if A is better in every such pair, and -1 if B is.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  analysis compare persistent.tar.gz reset.tar.gz\n  \
    analysis compare runs/study runs/study --agent-a codeact --agent-b react")]
pub struct Args {
    /// Results A: a .tar.gz or a folder
    a: PathBuf,
    /// Results B
    b: PathBuf,
    /// The agent of A, if its results hold several
    #[arg(long, value_name = "NAME")]
    agent_a: Option<String>,
    /// The agent of B, if its results hold several
    #[arg(long, value_name = "NAME")]
    agent_b: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// If results cannot be read, or have no task in common.
pub fn run(args: &Args, warnings: &mut Vec<String>) -> anyhow::Result<String> {
    let a = Scores::read(&args.a, args.agent_a.as_deref(), warnings)?;
    let b = Scores::read(&args.b, args.agent_b.as_deref(), warnings)?;
    let pairs: Vec<(Score, Score)> =
        a.by_task.iter().filter_map(|(task, score)| Some((*score, *b.by_task.get(task)?))).collect();
    if pairs.is_empty() {
        bail!(
            "{} and {} have no scored task in common (the first of each: {} and {}); were both run on the same task set?",
            args.a.display(),
            args.b.display(),
            first_task(&a),
            first_task(&b),
        );
    }
    let label = |letter, path: &Path, agent: Option<&str>| {
        agent.map_or_else(|| format!("{letter}: {}", name(path)), |agent| format!("{letter}: {agent}"))
    };
    let label_a = label("A", &args.a, args.agent_a.as_deref());
    let label_b = label("B", &args.b, args.agent_b.as_deref());
    let text = [
        format!(
            "Pairs: {}; unpaired: {} in A, {} in B; without a score: {} in A, {} in B\n\n",
            pairs.len(),
            a.by_task.len() - pairs.len(),
            b.by_task.len() - pairs.len(),
            a.unscored,
            b.unscored,
        ),
        score_table(&label_a, &label_b, &pairs),
        format!("\n{}", test(&pairs)),
    ];
    Ok(text.concat())
}

fn first_task(scores: &Scores) -> &str {
    scores.by_task.keys().next().map_or("none", String::as_str)
}

/// The path's last part, without the ending of an archive.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".tgz"));
    stem.unwrap_or(&name).to_owned()
}

fn score_table(label_a: &str, label_b: &str, pairs: &[(Score, Score)]) -> String {
    let solved = |side: fn(&(Score, Score)) -> bool| pairs.iter().filter(|pair| side(pair)).count();
    let solved_a = solved(|(a, _)| a.solved);
    let solved_b = solved(|(_, b)| b.solved);
    let percent = |side: fn(&(Score, Score)) -> f64| pairs.iter().map(side).collect::<Vec<f64>>();
    let rows = [
        (label_a, percent(|(a, _)| 100.0 * a.score), solved_a as f64),
        (label_b, percent(|(_, b)| 100.0 * b.score), solved_b as f64),
        ("A - B", differences(pairs), solved_a as f64 - solved_b as f64),
    ];
    let rows = rows.into_iter().filter_map(|(name, values, solved)| {
        let d = Description::of(&values)?;
        let mut row = vec![name.to_owned()];
        row.extend([d.mean, d.std, d.median, d.min, d.max].map(|value| table::number(value, 2)));
        row.push(table::number(solved, 0));
        Some(row)
    });
    let header = ["Score (%)", "mean", "std", "median", "min", "max", "solved"].map(String::from);
    table::render(header.into(), rows.collect())
}

/// A - B of each pair, in percentage points.
fn differences(pairs: &[(Score, Score)]) -> Vec<f64> {
    pairs.iter().map(|(a, b)| 100.0 * a.score - 100.0 * b.score).collect()
}

fn test(pairs: &[(Score, Score)]) -> String {
    let Some(test) = SignedRank::of(&differences(pairs)) else {
        return String::new();
    };
    if test.nonzero == 0 {
        return "Every pair has equal scores: there is no difference to test.\n".to_owned();
    }
    let method = match test.method {
        Method::Exact => "exact",
        Method::NormalApproximation => "normal approximation",
    };
    format!(
        "Wilcoxon signed-rank, two-sided: W = {}, p = {} ({method}; {} pairs differ, {} do not)\n\
         Effect size, matched-pairs rank-biserial: {:+.3} (+1: A always better, -1: B always better)\n",
        test.statistic(),
        table::p_value(test.p_value),
        test.nonzero,
        test.zeros,
        test.rank_biserial(),
    )
}
