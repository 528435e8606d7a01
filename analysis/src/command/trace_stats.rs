//! `analysis trace-stats`: two result folders side by side.

use std::path::{Path, PathBuf};

use crate::episode::Episode;
use crate::stats::describe::mean;
use crate::table::{self, UNKNOWN};
use crate::{load, tool_calls};

/// Compare two result folders side by side: success, quality, steps, tool calls, tokens
///
/// Finds results/AGENT/FAMILY/*.json with their *.trace.json at any depth below each folder, or takes a
/// folder of such pairs. Every number is a mean over the episodes that have the value: "(n = 3)" after it
/// means that 3 episodes have it, "-" that none has. "~" marks estimated token counts (bytes / 4: the model
/// client had no tokenizer). Failed episodes are left out, with a warning that counts them.
///
/// Tool calls are counted twice: those that happened, where the trace records
/// them, and the paper's way, by tool names in the code's text (where a call in
/// a loop counts once, and `finish` counts too).
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  analysis trace-stats runs/persistent runs/reset")]
pub struct Args {
    /// Folder A: a run, or any folder above or below its results
    a: PathBuf,
    /// Folder B
    b: PathBuf,
}

/// One row: its name, its decimals, and an episode's value.
struct Metric {
    name: &'static str,
    decimals: usize,
    value: fn(&Episode) -> Option<f64>,
}

const METRICS: [Metric; 8] = [
    Metric {
        name: "Success (%)",
        decimals: 1,
        value: |e| e.evaluation().map(|evaluation| if evaluation.is_solved { 100.0 } else { 0.0 }),
    },
    Metric {
        name: "Optimality (0-1)",
        decimals: 4,
        value: |e| e.evaluation().map(|evaluation| evaluation.score),
    },
    Metric { name: "Capacity utilisation (%)", decimals: 1, value: capacity_utilisation },
    Metric { name: "Items inspected", decimals: 2, value: |e| e.metric("inspected_count") },
    Metric { name: "Steps", decimals: 2, value: |e| e.step_count().map(|count| count as f64) },
    Metric {
        name: "Tool calls that happened",
        decimals: 2,
        value: |e| tool_calls::count(&e.steps()?).map(|count| count as f64),
    },
    Metric {
        name: "Tool names in code",
        decimals: 2,
        value: |e| tool_calls::count_in_code(&e.family, &e.steps()?).map(|count| count as f64),
    },
    Metric { name: TOKENS, decimals: 0, value: |e| e.tokens().map(|tokens| tokens.total as f64) },
];

const TOKENS: &str = "Total tokens";

/// The weight of the items taken, in percent of the capacity.
fn capacity_utilisation(episode: &Episode) -> Option<f64> {
    let capacity = episode.metric("capacity").filter(|capacity| *capacity > 0.0)?;
    Some(100.0 * episode.metric("weight_used")? / capacity)
}

/// One folder's numbers.
struct Side {
    label: String,
    episodes: usize,
    estimated_tokens: bool,
    /// In the order of [`METRICS`]: the values of the episodes that have one.
    values: Vec<Vec<f64>>,
}

impl Side {
    fn read(folder: &Path, warnings: &mut Vec<String>) -> Result<Self, load::Error> {
        let conditions = load::conditions(folder)?;
        if conditions.len() > 1 {
            let labels: Vec<&str> = conditions.iter().map(|condition| condition.label.as_str()).collect();
            warnings.push(format!(
                "{}: holds several conditions ({}); their episodes are taken together",
                folder.display(),
                labels.join(", ")
            ));
        }
        let mut side = Self {
            label: folder
                .file_name()
                .map_or_else(|| conditions[0].label.clone(), |name| name.to_string_lossy().into_owned()),
            episodes: 0,
            estimated_tokens: false,
            values: vec![Vec::new(); METRICS.len()],
        };
        for condition in &conditions {
            condition.map_episodes(warnings, |episode| side.add(episode));
        }
        if side.episodes == 0 {
            return Err(load::Error::NothingCounts { path: folder.to_owned() });
        }
        Ok(side)
    }

    fn add(&mut self, episode: &Episode) {
        self.episodes += 1;
        self.estimated_tokens |= episode.tokens().is_some_and(|tokens| tokens.estimated);
        for (values, metric) in self.values.iter_mut().zip(&METRICS) {
            values.extend((metric.value)(episode));
        }
    }

    /// The mean, with a mark if it is estimated, and the number of values if not all episodes have one.
    fn cell(&self, index: usize) -> String {
        let values = &self.values[index];
        let Some(mean) = mean(values) else {
            return UNKNOWN.to_owned();
        };
        let mark = if METRICS[index].name == TOKENS && self.estimated_tokens { "~" } else { "" };
        let number = table::number(mean, METRICS[index].decimals);
        let count =
            if values.len() < self.episodes { format!(" (n = {})", values.len()) } else { String::new() };
        format!("{mark}{number}{count}")
    }
}

/// Runs the command.
///
/// # Errors
/// If a folder holds no episodes that can be read.
pub fn run(args: &Args, warnings: &mut Vec<String>) -> anyhow::Result<String> {
    let a = Side::read(&args.a, warnings)?;
    let b = Side::read(&args.b, warnings)?;
    let header =
        vec!["Mean per episode".into(), format!("A: {}", a.label), format!("B: {}", b.label), "A - B".into()];
    let mut rows = vec![vec![
        "Episodes".to_owned(),
        a.episodes.to_string(),
        b.episodes.to_string(),
        table::number(a.episodes as f64 - b.episodes as f64, 0),
    ]];
    for (index, metric) in METRICS.iter().enumerate() {
        let difference = mean(&a.values[index]).zip(mean(&b.values[index])).map(|(a, b)| a - b);
        rows.push(vec![
            metric.name.to_owned(),
            a.cell(index),
            b.cell(index),
            table::number_or_unknown(difference, metric.decimals),
        ]);
    }
    let mut text = table::render(header, rows);
    if a.estimated_tokens || b.estimated_tokens {
        text.push_str("\n~ estimated: UTF-8 bytes / 4\n");
    }
    Ok(text)
}
