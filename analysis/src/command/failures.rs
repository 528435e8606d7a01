//! `analysis failures`: errors and redundant work under each condition.

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;

use crate::failures::{ConditionFailures, EpisodeFailures};
use crate::load::{self, Condition};
use crate::table::{self, UNKNOWN, number_or_unknown};

/// Per condition: missing-variable errors, runs of failing steps, tokens after them, redundant work
///
/// A condition is one agent of one run. Only episodes whose trace records steps are counted, and no failed
/// episodes. "-" means that the traces do not record what a number needs.
///
/// Missing-variable error: the step's code ended in NameError or UnboundLocalError
/// (by the recorded exception type, else by the error text's last line).
///
/// Failing step: its code ended in an error, or its turn could not be run
/// (several code blocks, a failed model call). A turn without code does not fail.
///
/// Tokens after the first missing-variable error: those of all later steps; the
/// mean is over the episodes that had one, the share is of all tokens of the
/// condition.
///
/// Redundant block: the step's code is the same text as that of an earlier step
/// of the episode.
///
/// Redundant tool call: an earlier call of the same tool with the same
/// arguments in the episode got the same answer, other than null.
///
/// Redundant definition: top-level code binds a name to a value equal to the one
/// it had at its latest earlier definition in the episode.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  analysis failures runs/persistent runs/reset\n  \
    analysis failures runs/study --format json --per-episode episodes.jsonl")]
pub struct Args {
    /// Folders of results: runs, or folders above or below their results
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The format of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Also write one JSON object for each episode to this file
    #[arg(long, value_name = "FILE")]
    per_episode: Option<PathBuf>,
}

/// The format of the output.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table for people
    Table,
    /// A JSON array with one object for each condition
    Json,
}

/// A line of the per-episode file.
#[derive(Serialize)]
struct Row<'a> {
    condition: &'a str,
    #[serde(flatten)]
    episode: &'a EpisodeFailures,
}

/// Runs the command.
///
/// # Errors
/// If a folder holds no episodes, no trace records steps, or the per-episode
/// file cannot be written.
pub fn run(args: &Args, warnings: &mut Vec<String>) -> anyhow::Result<String> {
    let mut conditions = Vec::new();
    for folder in &args.folders {
        conditions.extend(load::conditions(folder)?);
    }
    load::make_labels_differ(&mut conditions);
    let mut summaries = Vec::new();
    let mut lines = String::new();
    for condition in &conditions {
        let episodes = measure(condition, warnings);
        for episode in &episodes {
            lines.push_str(&serde_json::to_string(&Row { condition: &condition.label, episode })?);
            lines.push('\n');
        }
        match ConditionFailures::of(&condition.label, &episodes) {
            Some(summary) => summaries.push(summary),
            None => warnings.push(format!("{}: no trace records steps; condition left out", condition.label)),
        }
    }
    if summaries.is_empty() {
        bail!("no trace that records steps could be read; the warnings say why");
    }
    if let Some(path) = &args.per_episode {
        files::write_text(path, &lines)?;
    }
    Ok(match args.format {
        Format::Table => render(&summaries),
        Format::Json => serde_json::to_string_pretty(&summaries)? + "\n",
    })
}

fn measure(condition: &Condition, warnings: &mut Vec<String>) -> Vec<EpisodeFailures> {
    let mut without_steps = Vec::new();
    let episodes = condition.map_episodes(warnings, |episode| {
        let failures = EpisodeFailures::of(episode);
        // A missing trace has its own warning already.
        if failures.is_none() && episode.trace.is_some() {
            without_steps.push(format!("{}: its trace records no steps; left out", episode.file.display()));
        }
        failures
    });
    warnings.append(&mut without_steps);
    episodes.into_iter().flatten().collect()
}

fn render(conditions: &[ConditionFailures]) -> String {
    let percent = |share: Option<f64>| number_or_unknown(share.map(|share| 100.0 * share), 1);
    let tokens = |c: &ConditionFailures, text: String| {
        if c.tokens_estimated && text != UNKNOWN { format!("~{text}") } else { text }
    };
    type Cell<'a> = Box<dyn Fn(&ConditionFailures) -> String + 'a>;
    let metrics: [(&str, Cell<'_>); 13] = [
        ("Episodes", Box::new(|c| c.episodes.to_string())),
        ("Episodes with a missing-variable error (%)", Box::new(|c| percent(Some(c.missing_variable_share)))),
        ("Missing-variable errors / episode", Box::new(|c| table::number(c.missing_variable_errors, 2))),
        ("Longest run of failing steps, mean", Box::new(|c| table::number(c.longest_failing_run_mean, 2))),
        ("Longest run of failing steps, max", Box::new(|c| c.longest_failing_run_max.to_string())),
        (
            "Tokens after the first missing variable, mean of affected",
            Box::new(|c| tokens(c, number_or_unknown(c.tokens_after_first_missing_variable, 0))),
        ),
        (
            "Tokens after the first missing variable (% of all)",
            Box::new(|c| tokens(c, percent(c.tokens_after_first_missing_variable_share))),
        ),
        ("Redundant blocks / episode", Box::new(|c| number_or_unknown(c.redundant_blocks, 2))),
        ("Redundant blocks (% of all)", Box::new(|c| percent(c.redundant_blocks_share))),
        ("Redundant tool calls / episode", Box::new(|c| number_or_unknown(c.redundant_tool_calls, 2))),
        ("Redundant tool calls (% of all)", Box::new(|c| percent(c.redundant_tool_calls_share))),
        ("Redundant definitions / episode", Box::new(|c| number_or_unknown(c.redundant_definitions, 2))),
        ("Redundant definitions (% of all)", Box::new(|c| percent(c.redundant_definitions_share))),
    ];
    let mut header = vec!["Condition".to_owned()];
    header.extend(conditions.iter().map(|condition| condition.condition.clone()));
    let rows = metrics.iter().map(|(name, cell)| {
        let mut row = vec![(*name).to_owned()];
        row.extend(conditions.iter().map(cell));
        row
    });
    let mut text = table::render(header, rows.collect());
    if conditions.iter().any(|condition| condition.tokens_estimated) {
        text.push_str("\n~ estimated: UTF-8 bytes / 4\n");
    }
    text
}
