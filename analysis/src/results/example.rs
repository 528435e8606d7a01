//! One task side by side: what the model said and saw in each of the four cells.

use std::collections::BTreeMap;

use proto::interpreter_state::InterpreterState;
use serde::{Deserialize, Serialize};

use super::cell::CellResults;
use super::row::Row;
use crate::episode::Episode;
use crate::stats::describe::median;
use crate::turn::{self, Turn};

/// How the task that is shown is chosen, in words.
pub const RULE: &str = "the task whose four episodes under the first seed are closest to their cells' medians: the \
    smallest sum over cells of |ln(generated tokens / median)| + |ln(turns / median)|, the first id where two are \
    equal";

/// A task under the four cells of one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The task set's name.
    pub tasks: String,
    /// The task's id.
    pub task_id: String,
    /// The seed.
    pub seed: u64,
    /// The task's text, as the model read it.
    pub task: String,
    /// The episodes of PP, PR, RP and RR, in this order.
    pub episodes: Vec<Played>,
}

/// An episode in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Played {
    /// The adapter's name: the interpreter state of its training traces.
    pub train: String,
    /// The interpreter state of the episode.
    pub runtime: InterpreterState,
    /// The turns, in order.
    pub turns: Vec<PlayedTurn>,
}

/// A turn in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlayedTurn {
    /// Its outcome: a letter of [`Turn`].
    pub outcome: String,
    /// The model's whole answer.
    pub text: String,
    /// What its code printed; empty if nothing ran.
    pub output: String,
    /// The error it ended in, or why nothing ran.
    pub error: Option<String>,
    /// Number of tokens that the model generated.
    pub generated_tokens: u64,
}

impl Played {
    /// An episode in full; none without a trace.
    pub fn of(episode: &Episode, train: &str, runtime: InterpreterState) -> Option<Self> {
        let turns = turn::turns(episode.trace.as_ref()?).into_iter().map(|(step, turn)| {
            let result = step.interpreter_result.as_ref();
            PlayedTurn {
                outcome: turn.letter().to_string(),
                text: step.assistant_text.clone(),
                output: result.map(|result| result.output.clone()).unwrap_or_default(),
                error: result.and_then(|result| result.error.clone()).or_else(|| step.error.clone()),
                generated_tokens: step.token_usage.completion_tokens,
            }
        });
        Some(Self { train: train.to_owned(), runtime, turns: turns.collect() })
    }
}

impl PlayedTurn {
    /// Its outcome.
    pub fn turn(&self) -> Option<Turn> {
        self.outcome.chars().next().and_then(Turn::of_letter)
    }
}

/// A number of an episode that is compared with its cell's median.
type Measure = fn(&Row) -> Option<f64>;

const MEASURES: [Measure; 2] = [
    |row| row.generated_tokens.map(|count| count as f64),
    |row| row.turns.as_ref().map(|turns| turns.len() as f64),
];

/// The task to show of these cells (see [`RULE`]); none if they have no task in common.
pub fn choose(cells: &[&CellResults]) -> Option<String> {
    let mut distances: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for cell in cells {
        for measure in MEASURES {
            let values: Vec<f64> = cell.episodes.iter().filter_map(measure).collect();
            let Some(middle) = median(&values).filter(|middle| *middle > 0.0) else { continue };
            for row in &cell.episodes {
                let distance = measure(row).map_or(0.0, |value| (value.max(1.0) / middle).ln().abs());
                distances.entry(&row.task_id).or_default().1 += distance;
            }
        }
        for row in &cell.episodes {
            distances.entry(&row.task_id).or_default().0 += 1;
        }
    }
    let in_all = distances.into_iter().filter(|(_, (count, _))| *count == cells.len());
    in_all.min_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b)).map(|(task, _)| task.to_owned())
}
