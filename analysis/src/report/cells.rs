//! The numbers of each cell: the square, the main table, and the table of seeds.

use super::document::{Block, Tile};
use super::group::Group;
use super::measured::{Measured, mean_of, median_of};
use crate::results::row::Row;
use crate::table::{self, Table, UNKNOWN, number_or_unknown};
use crate::two_by_two::cell::Cell;
use crate::two_by_two::options::Options;
use crate::two_by_two::outcome::{self, Outcome};

/// A cell's mean of an outcome with its interval, in the unit of tables.
fn estimate(cell: &Measured<'_>, outcome: Outcome, options: &Options, decimals: usize) -> String {
    let estimate =
        cell.values(outcome).and_then(|values| outcome::estimate(&values, outcome, &options.bootstrap()));
    estimate.map_or_else(
        || UNKNOWN.to_owned(),
        |estimate| table::estimate(estimate.scaled(outcome.scale()), decimals),
    )
}

/// A cell's mean of an outcome without an interval, in the unit of tables.
pub fn plain(cell: &Measured<'_>, outcome: Outcome) -> Option<f64> {
    let values: Vec<f64> = cell.values(outcome)?.into_iter().flatten().collect();
    Some(crate::stats::describe::mean(&values)? * outcome.scale())
}

fn generated(row: &Row) -> Option<f64> {
    row.generated_tokens.map(|count| count as f64)
}

fn turns(row: &Row) -> Option<f64> {
    row.turns.as_ref().map(|turns| turns.len() as f64)
}

fn finished(row: &Row) -> Option<f64> {
    Some(if row.finished()? { 100.0 } else { 0.0 })
}

/// Explains the mark of estimated token counts.
pub const ESTIMATED: &str = " ~ estimated: UTF-8 bytes / 4.";

/// The square, and its numbers in sentences.
pub fn in_short(group: &Group<'_>, options: &Options) -> Vec<Block> {
    let [pp, pr, rp, rr] = Cell::ALL.map(|cell| group.cell(cell.train.name(), cell.runtime));
    let (Some(pp), Some(pr), Some(rp), Some(rr)) = (pp, pr, rp, rr) else { return Vec::new() };
    let mark = group.mark();
    let percent = |cell: &Measured<'_>| number_or_unknown(plain(cell, Outcome::MissingVariable), 1);
    let ratio = |cell: &Measured<'_>, other: &Measured<'_>| {
        let (cell, other) = (plain(cell, Outcome::GeneratedTokens), plain(other, Outcome::GeneratedTokens));
        cell.zip(other).map_or_else(|| UNKNOWN.to_owned(), |(cell, other)| table::number(cell / other, 2))
    };
    let text = format!(
        "{} tasks, {}, {} episodes a cell. The model trained on persistent traces missed a variable in {} % of its \
         episodes in a resetting runtime and in {} % in a persistent one; in the resetting runtime it generated \
         {mark}{} × the tokens that it generated in the persistent one. The model trained on reset traces missed one \
         in {} % of its episodes in a resetting runtime and in {} % in a persistent one; in the persistent runtime, \
         where nothing is lost, it generated {mark}{} × the tokens of the model trained for it.",
        group.tasks(),
        seeds_in_words(group),
        table::number(pp.episodes() as f64, 0),
        percent(pr),
        percent(pp),
        ratio(pr, pp),
        percent(rr),
        percent(rp),
        ratio(rp, pp),
    );
    let tile = |cell: &Measured<'_>| Tile {
        label: cell.label(),
        colour: cell.colour(),
        headline: format!("{} %", percent(cell)),
        lines: vec![
            "of episodes missed a variable".to_owned(),
            format!(
                "{mark}{} generated tokens an episode",
                estimate(cell, Outcome::GeneratedTokens, options, 0)
            ),
            format!("score {} %", estimate(cell, Outcome::Score, options, 1)),
        ],
    };
    vec![Block::Paragraph { lead: String::new(), text }, Block::Square([pp, pr, rp, rr].map(tile).into())]
}

/// The number of seeds, and the seeds.
pub fn seeds_in_words(group: &Group<'_>) -> String {
    let seeds: Vec<String> = group.seeds().iter().map(u64::to_string).collect();
    match seeds.as_slice() {
        [seed] => format!("1 training seed ({seed})"),
        seeds => format!("{} training seeds ({})", seeds.len(), seeds.join(", ")),
    }
}

/// The main table.
pub fn main(group: &Group<'_>, options: &Options) -> Vec<Block> {
    let mark = group.mark();
    let header = [
        "Training → runtime".to_owned(),
        "Episodes".into(),
        "With a missing variable (% of episodes)".into(),
        format!("{mark}Generated tokens, mean"),
        format!("{mark}Generated tokens, median"),
        format!("{mark}Prompt + generated tokens, summed over turns, mean"),
        "Turns, mean".into(),
        "Called finish() (%)".into(),
        "Score (%)".into(),
        "Solved (% of episodes)".into(),
    ];
    let row = |cell: &Measured<'_>| {
        vec![
            cell.label(),
            table::number(cell.episodes() as f64, 0),
            estimate(cell, Outcome::MissingVariable, options, 1),
            estimate(cell, Outcome::GeneratedTokens, options, 1),
            number_or_unknown(median_of(cell.rows(), generated), 1),
            estimate(cell, Outcome::PromptAndGeneratedTokens, options, 1),
            number_or_unknown(mean_of(cell.rows(), turns), 2),
            number_or_unknown(mean_of(cell.rows(), finished), 1),
            estimate(cell, Outcome::Score, options, 1),
            estimate(cell, Outcome::Solved, options, 1),
        ]
    };
    let table = Table { header: header.into(), rows: group.cells.iter().map(row).collect() };
    let caption = format!("{}: {} tasks, {}.", group.title(), group.tasks(), seeds_in_words(group));
    let mut blocks = vec![Block::Table { name: Some("main".into()), caption, table }];
    let estimated = if group.estimated() { ESTIMATED } else { "" };
    blocks.push(Block::Note {
        text: format!(
            "[low, high]: {:.0} % interval over other tasks: Wilson's of a share, a task's seeds counted as one \
             cluster; otherwise the bootstrap's over whole tasks, which has no width where all tasks are alike: that is \
             not certainty. \"-\": unknown of some episode. Tokens are an episode's. Generated: what the model \
             wrote. Prompt + generated, summed over turns: what it read and wrote at every turn, so an early message \
             counts again at each.{estimated}",
            100.0 * options.level
        ),
    });
    if !group.left_out.is_empty() {
        blocks.push(Block::Note {
            text: format!(
                "Episodes left out, because they failed, were not evaluated or could not be read: {}.",
                group.left_out.join("; ")
            ),
        });
    }
    if !group.unpaired.is_empty() {
        blocks.push(Block::Note { text: format!("Left out of every table: {}.", group.unpaired.join("; ")) });
    }
    blocks
}

/// The table of seeds: a row for each cell and seed.
pub fn seeds(group: &Group<'_>) -> Vec<Block> {
    if group.seeds().len() < 2 {
        return Vec::new();
    }
    let mark = group.mark();
    let header = [
        "Training → runtime".to_owned(),
        "Seed".into(),
        "Episodes".into(),
        "With a missing variable (%)".into(),
        format!("{mark}Generated tokens, mean"),
        format!("{mark}Generated tokens, median"),
        "Turns, mean".into(),
        "Called finish() (%)".into(),
        "Score (%)".into(),
        "Solved (%)".into(),
    ];
    let mut rows = Vec::new();
    for cell in &group.cells {
        for seed in &cell.seeds {
            let alone = Measured { seeds: vec![seed.clone()], ..cell.clone() };
            rows.push(vec![
                cell.label(),
                seed.0.to_string(),
                table::number(alone.episodes() as f64, 0),
                number_or_unknown(plain(&alone, Outcome::MissingVariable), 1),
                number_or_unknown(mean_of(alone.rows(), generated), 1),
                number_or_unknown(median_of(alone.rows(), generated), 1),
                number_or_unknown(mean_of(alone.rows(), turns), 2),
                number_or_unknown(mean_of(alone.rows(), finished), 1),
                number_or_unknown(plain(&alone, Outcome::Score), 1),
                number_or_unknown(plain(&alone, Outcome::Solved), 1),
            ]);
        }
    }
    let table = Table { header: header.into(), rows };
    vec![Block::Table { name: Some("seeds".into()), caption: String::new(), table }]
}
