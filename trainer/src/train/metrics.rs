//! What a training says of itself as it goes: `metrics.jsonl`, TensorBoard events, and a picture of the loss.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::curve;
use super::events::{Events, PREFIX};
use crate::{Error, Result};

/// A JSON object a line.
pub const METRICS: &str = "metrics.jsonl";
/// The loss over the steps.
pub const CURVE: &str = "loss.svg";

/// A line: of a step, or of an evaluation after it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Line {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: f64,
    /// Seconds since 1970.
    pub time: f64,
    /// What was measured.
    #[serde(flatten)]
    pub values: Values,
}

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Values {
    /// Of a step.
    Step {
        /// Mean over the step's tokens to learn, in nats.
        loss: f64,
        /// The step's.
        learning_rate: f64,
        /// The gradient's length before clipping.
        grad_norm: f64,
        /// Tokens seen since the beginning.
        tokens: u64,
        /// Since the line before; time that went into evaluations and checkpoints is not counted.
        tokens_per_second: f64,
        /// Main memory in use.
        memory_bytes: Option<u64>,
    },
    /// Of an evaluation.
    Evaluation {
        /// Mean over the tokens to learn of the samples that were kept back, in nats.
        eval_loss: f64,
    },
}

/// The files.
pub struct Metrics {
    folder: PathBuf,
    file: File,
    events: Events,
    lines: Vec<Line>,
}

impl Metrics {
    /// Goes on after `step`: what an earlier start wrote of later steps, which are now done again, is dropped.
    pub fn open(folder: &Path, step: u64) -> Result<Self> {
        let path = folder.join(METRICS);
        let before = match path.exists() {
            true => std::fs::read_to_string(&path).map_err(Error::file(&path))?,
            false => String::new(),
        };
        // The last line may be half a line.
        let lines = before.lines().map_while(|line| serde_json::from_str(line).ok());
        let lines: Vec<Line> = lines.filter(|line: &Line| line.step <= step).collect();

        remove_events(folder)?;
        let time = lines.first().map_or_else(now, |line| line.time);
        let mut events = Events::create(folder, time)?;
        let partial = folder.join(format!(".{METRICS}.partial"));
        let mut file = File::create(&partial).map_err(Error::file(&partial))?;
        for line in &lines {
            write(&partial, &mut file, &mut events, line)?;
        }
        std::fs::rename(&partial, &path).map_err(Error::file(&path))?;
        let file = OpenOptions::new().append(true).open(&path).map_err(Error::file(&path))?;
        Ok(Self { folder: folder.into(), file, events, lines })
    }

    /// Adds a line.
    pub fn add(&mut self, step: u64, epoch: f64, values: Values) -> Result<()> {
        let line = Line { step, epoch, time: now(), values };
        write(&self.folder.join(METRICS), &mut self.file, &mut self.events, &line)?;
        self.lines.push(line);
        Ok(())
    }

    /// Draws the picture.
    pub fn draw(&self) -> Result<()> {
        curve::draw(&self.folder.join(CURVE), &self.lines)
    }
}

fn write(path: &Path, file: &mut File, events: &mut Events, line: &Line) -> Result<()> {
    let mut text = serde_json::to_vec(line).map_err(|reason| Error::Json { path: path.into(), reason })?;
    text.push(b'\n');
    file.write_all(&text).map_err(Error::file(path))?;
    match line.values {
        Values::Step { loss, learning_rate, grad_norm, tokens_per_second, .. } => events.add(
            line.time,
            line.step,
            &[
                ("train/loss", loss),
                ("train/learning_rate", learning_rate),
                ("train/grad_norm", grad_norm),
                ("train/tokens_per_second", tokens_per_second),
            ],
        ),
        Values::Evaluation { eval_loss } => events.add(line.time, line.step, &[("eval/loss", eval_loss)]),
    }
}

/// Removes the metrics of an earlier training.
pub fn remove(folder: &Path) -> Result<()> {
    remove_events(folder)?;
    for file in [METRICS, CURVE].map(|name| folder.join(name)) {
        if file.exists() {
            std::fs::remove_file(&file).map_err(Error::file(&file))?;
        }
    }
    Ok(())
}

fn remove_events(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) {
            std::fs::remove_file(&path).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}

fn now() -> f64 {
    jiff::Timestamp::now().as_microsecond() as f64 / 1e6
}
