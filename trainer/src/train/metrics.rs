//! The metrics of a training: `metrics.jsonl`, TensorBoard events, and a chart. The lines'
//! declaration is [`proto::training::Line`].

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use proto::training::{Line, METRICS, Values};

use super::curve;
use super::events::{Events, PREFIX};
use crate::{Error, Result};

/// The metrics of a training, written as it proceeds.
pub struct Metrics {
    folder: PathBuf,
    file: File,
    events: Events,
    lines: Vec<Line>,
}

impl Metrics {
    /// Continues after `step`. Lines of later steps, which are computed again, are dropped; all lines at the beginning.
    pub fn open(folder: &Path, step: u64) -> Result<Self> {
        let path = folder.join(METRICS);
        let before = match path.exists() {
            true => std::fs::read_to_string(&path).map_err(Error::file(&path))?,
            false => String::new(),
        };
        // The last line may be incomplete.
        let lines = before.lines().map_while(|line| serde_json::from_str(line).ok());
        let lines: Vec<Line> = lines.filter(|line: &Line| line.step <= step && step > 0).collect();

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

    /// Appends a line.
    pub fn add(&mut self, step: u64, epoch: f64, values: Values) -> Result<()> {
        let line = Line { step, epoch, time: now(), values };
        write(&self.folder.join(METRICS), &mut self.file, &mut self.events, &line)?;
        self.lines.push(line);
        Ok(())
    }

    /// Draws the chart.
    pub fn draw(&self) -> Result<()> {
        curve::draw(&self.folder, &self.lines)
    }
}

fn write(path: &Path, file: &mut File, events: &mut Events, line: &Line) -> Result<()> {
    let mut text = serde_json::to_vec(line).map_err(|reason| Error::Json { path: path.into(), reason })?;
    text.push(b'\n');
    file.write_all(&text).map_err(Error::file(path))?;
    events.add(line.time, line.step, &tagged(&line.values))
}

/// The values as TensorBoard shows them.
fn tagged(values: &Values) -> Vec<(&'static str, f64)> {
    match values {
        Values::Step {
            loss,
            learning_rate,
            grad_norm,
            tokens_per_second,
            device_memory_bytes,
            policy,
            played,
            ..
        } => {
            let mut all = vec![
                ("train/loss", *loss),
                ("train/learning_rate", *learning_rate),
                ("train/grad_norm", *grad_norm),
                ("train/tokens_per_second", *tokens_per_second),
            ];
            all.extend(device_memory_bytes.map(|bytes| ("train/device_memory_bytes", bytes as f64)));
            if let Some(policy) = policy {
                all.extend([("train/kl", policy.kl), ("train/clip_ratio", policy.clip_ratio)]);
            }
            if let Some(played) = played {
                all.extend([
                    ("train/reward", played.reward),
                    ("train/solved", played.solved),
                    ("train/completion_tokens", played.completion_tokens),
                    ("train/missing_variables", played.missing_variables),
                ]);
            }
            all
        }
        Values::Evaluation { eval_loss } => vec![("eval/loss", *eval_loss)],
        Values::Episodes { eval_reward, eval_solved, eval_missing_variables, .. } => vec![
            ("eval/reward", *eval_reward),
            ("eval/solved", *eval_solved),
            ("eval/missing_variables", *eval_missing_variables),
        ],
    }
}

/// Removes the metrics of an earlier training.
pub fn remove(folder: &Path) -> Result<()> {
    remove_events(folder)?;
    for file in [METRICS].into_iter().chain(curve::FILES).map(|name| folder.join(name)) {
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
