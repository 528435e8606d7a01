//! An evaluation episode as a row. In the file, the rows of a cell are stored as columns.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::episode::Episode;
use crate::turn::{self, Turn};
use crate::two_by_two::outcome::Observation;

/// The finish reason of an episode that called `finish()`.
const FINISHED: &str = "finish_tool";

/// One episode that has an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The task's id.
    pub task_id: String,
    /// The score, 0 to 1.
    pub score: f64,
    /// Whether the task was solved exactly.
    pub solved: bool,
    /// Why it ended: `finish_tool`, `max_turns`, `timeout`, `context_length`.
    pub finish_reason: Option<String>,
    /// The outcome of each turn; none if the trace does not record turns.
    pub turns: Option<Vec<Turn>>,
    /// Generated tokens, summed over turns.
    pub generated_tokens: Option<u64>,
    /// Prompt and generated tokens, summed over turns.
    pub all_tokens: Option<u64>,
}

impl Row {
    /// The row of an episode; none without an evaluation.
    pub fn of(episode: &Episode) -> Option<Self> {
        let evaluation = episode.evaluation()?;
        let tokens = episode.tokens();
        let trace = episode.trace.as_ref();
        let turns = trace.filter(|_| episode.steps().is_some()).map(turn::turns);
        Some(Self {
            task_id: episode.task_id.clone(),
            score: evaluation.score,
            solved: evaluation.is_solved,
            finish_reason: trace.and_then(|trace| trace.summary.finish_reason.clone()),
            turns: turns.map(|turns| turns.into_iter().map(|(_, turn)| turn).collect()),
            generated_tokens: tokens.and_then(|tokens| tokens.generated),
            all_tokens: tokens.map(|tokens| tokens.total),
        })
    }

    /// The row as an observation of the statistics.
    pub fn observation(&self, estimated: bool) -> Observation {
        Observation {
            score: self.score,
            solved: self.solved,
            missing_variable: self.turns.as_ref().map(|turns| turns.contains(&Turn::MissingVariable)),
            generated_tokens: self.generated_tokens,
            all_tokens: self.all_tokens,
            estimated,
        }
    }

    /// The number of the first turn that missed a variable, from 1; none if no turn did or the turns are
    /// unknown.
    pub fn first_missing(&self) -> Option<usize> {
        self.turns.as_ref()?.iter().position(|turn| *turn == Turn::MissingVariable).map(|index| index + 1)
    }

    /// Whether it ended by calling `finish()`; none if the finish reason is unknown.
    pub fn finished(&self) -> Option<bool> {
        self.finish_reason.as_deref().map(|reason| reason == FINISHED)
    }
}

/// The rows of a cell, as columns.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    task_id: Vec<String>,
    score: Vec<f64>,
    solved: Vec<u8>,
    finish_reason: Vec<Option<String>>,
    turns: Vec<Option<String>>,
    generated_tokens: Vec<Option<u64>>,
    prompt_and_generated_tokens: Vec<Option<u64>>,
}

/// Writes rows as columns.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(rows: &[Row], serializer: S) -> Result<S::Ok, S::Error> {
    let mut columns = Columns::default();
    for row in rows {
        let letters = |turns: &Vec<Turn>| turns.iter().map(|turn| turn.letter()).collect();
        columns.task_id.push(row.task_id.clone());
        columns.score.push(row.score);
        columns.solved.push(row.solved.into());
        columns.finish_reason.push(row.finish_reason.clone());
        columns.turns.push(row.turns.as_ref().map(letters));
        columns.generated_tokens.push(row.generated_tokens);
        columns.prompt_and_generated_tokens.push(row.all_tokens);
    }
    columns.serialize(serializer)
}

/// Reads columns as rows.
///
/// # Errors
/// If columns differ in length, or a value is not allowed.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Row>, D::Error> {
    let columns = Columns::deserialize(deserializer)?;
    let lengths = [
        ("score", columns.score.len()),
        ("solved", columns.solved.len()),
        ("finish_reason", columns.finish_reason.len()),
        ("turns", columns.turns.len()),
        ("generated_tokens", columns.generated_tokens.len()),
        ("prompt_and_generated_tokens", columns.prompt_and_generated_tokens.len()),
    ];
    let rows = columns.task_id.len();
    if let Some((name, length)) = lengths.into_iter().find(|(_, length)| *length != rows) {
        return Err(de::Error::custom(format!("`{name}` has {length} values, `task_id` has {rows}")));
    }
    let turns = |text: &String| {
        let turn =
            |letter| Turn::of_letter(letter).ok_or(format!("`turns` has the unknown letter `{letter}`"));
        text.chars().map(turn).collect::<Result<Vec<Turn>, String>>().map_err(de::Error::custom)
    };
    (columns.task_id.into_iter().enumerate())
        .map(|(index, task_id)| {
            Ok(Row {
                task_id,
                score: columns.score[index],
                solved: columns.solved[index] != 0,
                finish_reason: columns.finish_reason[index].clone(),
                turns: columns.turns[index].as_ref().map(turns).transpose()?,
                generated_tokens: columns.generated_tokens[index],
                all_tokens: columns.prompt_and_generated_tokens[index],
            })
        })
        .collect()
}
