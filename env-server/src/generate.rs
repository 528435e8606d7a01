//! Generating task sets.
//!
//! ```text
//! <root>/manifest.json                   what was generated, written first
//! <root>/tasks/<family>/<task_id>.json   the tasks
//! <root>/logs/errors.jsonl               tasks that could not be generated
//! ```
//!
//! The same config always gives the same bytes, on every machine, with any number of workers, and also when a run was
//! interrupted and resumed.

mod key_order;
mod manifest;
mod task;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{fs, io, thread};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::family::FamilyConfig;
use crate::task_config::TaskConfig;

pub use task::{GENERATOR_RELEASED, TaskError, seed, task};

/// Why a task set could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// A folder could not be made or read.
    #[error("{path} cannot be used as a folder: {source}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder holds tasks of other settings.
    #[error(
        "{} was generated with other settings, e.g. another {difference}; \
         give another output folder, or delete this one",
        root.display()
    )]
    OtherSettings {
        /// The output folder.
        root: PathBuf,
        /// The first key that differs.
        difference: String,
    },
    /// The folder holds tasks, but no manifest that tells their settings.
    #[error("{} holds tasks but no manifest.json; give another output folder", root.display())]
    NoManifest {
        /// The output folder.
        root: PathBuf,
    },
}

/// The numbers of tasks of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Tasks that were written.
    pub written: usize,
    /// Tasks that were there already.
    pub skipped: usize,
    /// Tasks that could not be generated; `logs/errors.jsonl` says why.
    pub failed: usize,
}

/// The progress bar of a run, on standard error.
pub fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{msg} [{bar:40}] {pos}/{len} tasks ({per_sec}, {eta} left)";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Generates a task set below `root`. Tasks that are there already are kept.
///
/// # Errors
/// [`Error`]; nothing was written if `root` holds something else. A task that cannot be generated is not an error: it is
/// counted and logged.
pub fn run(config: &TaskConfig, root: &Path, progress: &ProgressBar) -> Result<Report, Error> {
    manifest::prepare(config, root)?;
    let jobs = jobs(config, root);
    progress.set_length(jobs.len() as u64);
    progress.set_message(config.run_name.clone());

    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (next, stopped, jobs) = (&next, &stopped, &jobs);
    let report = Mutex::new((Report::default(), Vec::new()));
    let work = || -> Result<(), Error> {
        while !stopped.load(Ordering::Relaxed)
            && let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed))
        {
            let outcome = job.run().inspect_err(|_| stopped.store(true, Ordering::Relaxed))?;
            let mut guard = report.lock().unwrap_or_else(PoisonError::into_inner);
            let (report, errors) = &mut *guard;
            match outcome {
                Outcome::Written => report.written += 1,
                Outcome::Skipped => report.skipped += 1,
                Outcome::Failed(error) => {
                    report.failed += 1;
                    errors.push(error);
                }
            }
            progress.inc(1);
        }
        Ok(())
    };
    let results: Vec<Result<(), Error>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..config.max_workers.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    });
    progress.finish();
    results.into_iter().collect::<Result<(), Error>>()?;

    let (report, errors) = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    log_errors(root, errors)?;
    Ok(report)
}

/// One task to generate.
struct Job<'a> {
    config: &'a FamilyConfig,
    run_name: &'a str,
    seed: u64,
    task_id: String,
    path: PathBuf,
}

enum Outcome {
    Written,
    Skipped,
    Failed(TaskError),
}

impl Job<'_> {
    fn run(&self) -> Result<Outcome, Error> {
        if self.path.exists() {
            return Ok(Outcome::Skipped);
        }
        match task(self.config, self.seed, &self.task_id, self.run_name) {
            Ok(task) => {
                files::write_json(&self.path, &key_order::sorted(json!(task)))?;
                Ok(Outcome::Written)
            }
            Err(error) => Ok(Outcome::Failed(error)),
        }
    }
}

fn jobs<'a>(config: &'a TaskConfig, root: &Path) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for section in &config.sections {
        let family = section.family.family();
        let folder = root.join("tasks").join(family);
        for index in 0..section.num_tasks {
            let task_id = format!("{family}-{index:010}");
            jobs.push(Job {
                config: &section.family,
                run_name: &config.run_name,
                seed: seed(config.seed_start, family, index),
                path: folder.join(format!("{task_id}.json")),
                task_id,
            });
        }
    }
    jobs
}

/// Writes the log, or removes an outdated one. A failed task has no file, so every run tries it again and the log is
/// always complete.
fn log_errors(root: &Path, mut errors: Vec<TaskError>) -> Result<(), Error> {
    let path = root.join("logs").join("errors.jsonl");
    if errors.is_empty() {
        return match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(files::Error::Io { action: "writing", path, source }.into())
            }
            _ => Ok(()),
        };
    }
    errors.sort_by(|left, right| left.task_id.cmp(&right.task_id));
    let lines: String = errors
        .iter()
        .map(|error| {
            let TaskError { task_id, family, seed, reason } = error;
            format!("{}\n", json!({"error": reason, "family": family, "seed": seed, "task_id": task_id}))
        })
        .collect();
    Ok(files::write_text(&path, &lines)?)
}
