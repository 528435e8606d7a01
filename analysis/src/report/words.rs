//! The aims of the study, and the tests in words.

use super::cells::seeds_in_words;
use super::document::Block;
use super::group::Group;
use crate::stats::interval::Estimate;
use crate::table::{self, Table};
use crate::two_by_two::cell::Cell;
use crate::two_by_two::comparison::Comparison;
use crate::two_by_two::contrast::Contrast;
use crate::two_by_two::outcome::Outcome;
use crate::two_by_two::report::Report;

// The aims, which were set before the study was run.
const SEEDS: usize = 3;
const TASKS: usize = 200;
const MISSING_AT_LEAST: f64 = 0.7;
const MISSING_AT_MOST: f64 = 0.05;
const RATIO_AT_LEAST: f64 = 2.0;

/// A table of the aims and the findings; nothing without the four cells.
pub fn aims(group: &Group<'_>) -> Vec<Block> {
    let Some(report) = &group.compared else { return Vec::new() };
    let mut rows = Vec::new();
    let mut add = |aim: String, found: String, met: bool| {
        rows.push(vec![aim, found, if met { "met" } else { "not met" }.to_owned()]);
    };
    add(
        format!("At least {SEEDS} seeds and {TASKS} fresh tasks a cell"),
        format!("{}, {} tasks", seeds_in_words(group), report.tasks),
        report.seeds >= SEEDS && report.tasks >= TASKS,
    );
    if let Some(missing) = mean_of(report, Cell::PR, Outcome::MissingVariable) {
        add(
            format!(
                "Persistent-trained in a resetting runtime: a missing variable in at least {:.0} % of episodes",
                100.0 * MISSING_AT_LEAST
            ),
            format!("{} %", table::estimate(missing.scaled(100.0), 1)),
            missing.value >= MISSING_AT_LEAST,
        );
    }
    let matched = [Cell::PP, Cell::RR].map(|cell| mean_of(report, cell, Outcome::MissingVariable));
    if let [Some(pp), Some(rr)] = matched {
        add(
            format!("Each matched cell: in at most {:.0} %", 100.0 * MISSING_AT_MOST),
            format!(
                "persistent {} %, reset {} %",
                table::estimate(pp.scaled(100.0), 1),
                table::estimate(rr.scaled(100.0), 1)
            ),
            pp.value <= MISSING_AT_MOST && rr.value <= MISSING_AT_MOST,
        );
    }
    if let Some(ratio) = find(report, Outcome::GeneratedTokens, "RP - PP").and_then(|c| c.ratio) {
        add(
            format!(
                "In a persistent runtime: reset-trained generates at least {RATIO_AT_LEAST:.0} × the tokens of persistent-trained"
            ),
            format!("{} ×", table::estimate(ratio, 2)),
            ratio.value >= RATIO_AT_LEAST,
        );
    }
    if let Some(score) = find(report, Outcome::Score, "PP - RR") {
        add(
            "The matched cells' scores cannot be told apart".to_owned(),
            format!(
                "persistent less reset {} points of score; {} ({} after Holm){}",
                table::estimate(score.difference.scaled(100.0), 1),
                probability(score.p_value),
                probability(score.p_holm),
                seen(score),
            ),
            score.p_value > report.options.alpha,
        );
    }
    let table = Table { header: ["Aim", "Found", ""].map(String::from).into(), rows };
    vec![Block::Table { name: Some("aims".into()), caption: String::new(), table }]
}

fn mean_of(report: &Report, cell: Cell, outcome: Outcome) -> Option<Estimate> {
    report.cells.iter().find(|summary| summary.cell == cell)?.means.get(&outcome).copied()
}

fn find<'a>(report: &'a Report, outcome: Outcome, contrast: &str) -> Option<&'a Comparison> {
    report.comparisons.iter().find(|c| (c.outcome, c.contrast) == (outcome, contrast))
}

/// The detectable difference, in words.
fn seen(comparison: &Comparison) -> String {
    let Some(detectable) = comparison.detectable else { return String::new() };
    format!(
        "; a true difference of {} could have been seen",
        amount(comparison.outcome, comparison.outcome.scale() * detectable)
    )
}

fn amount(outcome: Outcome, value: f64) -> String {
    let unit = if outcome.is_tokens() { "tokens" } else { "points" };
    format!("{} {unit}", table::number(value, 1))
}

/// A list of tests for each contrast.
pub fn tests(group: &Group<'_>) -> Vec<Block> {
    let Some(report) = &group.compared else { return Vec::new() };
    let mut blocks = vec![Block::Paragraph {
        lead: String::new(),
        text: format!(
            "Everything is paired by task and seed, and the unit is the task ({} tasks, {}). Scores and tokens are \
             compared by Wilcoxon's signed-rank test, yes-or-no outcomes by McNemar's, and each p is corrected by \
             Holm for all {} tests of this task set; \"differs\" means p below {} after that. What could have been \
             seen is the smallest true difference that one test of as many tasks finds with a probability of {:.0} %. \
             Points are percentage points; the letters name training and runtime.",
            report.tasks,
            seeds_in_words(group),
            report.comparisons.len(),
            report.options.alpha,
            100.0 * report.options.power,
        ),
    }];
    for contrast in &Contrast::ALL {
        let of_contrast = report.comparisons.iter().filter(|c| c.contrast == contrast.name);
        let items = of_contrast.map(|comparison| said(comparison, report.options.alpha)).collect();
        let question = contrast.question;
        let lead = format!("{}{} ({})", question[..1].to_uppercase(), &question[1..], contrast.name);
        blocks.push(Block::List { lead, items });
    }
    blocks.push(Block::Note {
        text: "Tests and intervals are about other tasks for the models at hand; of other training seeds only the \
               differences seed by seed speak, which the tables of every test have."
            .to_owned(),
    });
    blocks
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Score => "Score",
        Outcome::Solved => "Solved episodes",
        Outcome::MissingVariable => "Episodes with a missing variable",
        Outcome::GeneratedTokens => "Generated tokens",
        Outcome::PromptAndGeneratedTokens => "Prompt + generated tokens, summed over turns,",
    }
}

/// The difference or ratio with its interval, in words.
fn size(comparison: &Comparison) -> String {
    let outcome = comparison.outcome;
    if let Some(ratio) = comparison.ratio {
        return format!("{} × {}", name(outcome), table::estimate(ratio, 2));
    }
    let difference = comparison.difference.scaled(outcome.scale());
    let sign = if difference.value > 0.0 { "+" } else { "" };
    let unit = if outcome.is_tokens() { "tokens" } else { "points" };
    format!("{} {sign}{} {unit}", name(outcome), table::estimate(difference, 1))
}

fn said(comparison: &Comparison, alpha: f64) -> String {
    let p = probability(comparison.p_holm);
    if comparison.p_holm <= alpha {
        format!("{}: differs ({p})", size(comparison))
    } else {
        format!("{}: no difference shown ({p}{})", size(comparison), seen(comparison))
    }
}

fn probability(p: f64) -> String {
    match p {
        0.0..1e-4 => "p < 0.0001".to_owned(),
        0.9995.. => "p = 1".to_owned(),
        _ => format!("p = {p:.3}"),
    }
}

/// Every test, in tables.
pub fn statistics(group: &Group<'_>) -> Vec<Block> {
    let Some(report) = &group.compared else { return Vec::new() };
    let tables = report.comparison_tables().into_iter();
    let outcomes =
        Outcome::ALL.iter().filter(|outcome| report.comparisons.iter().any(|c| c.outcome == **outcome));
    let mut blocks: Vec<Block> = tables
        .zip(outcomes)
        .map(|(table, outcome)| {
            let name =
                serde_json::to_value(outcome).ok().and_then(|name| Some(format!("tests_{}", name.as_str()?)));
            Block::Table { name, caption: String::new(), table }
        })
        .collect();
    blocks.extend(report.notes().lines().map(|line| Block::Note { text: line.to_owned() }));
    blocks
}
