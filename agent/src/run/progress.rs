//! Progress on standard error: bars on a terminal, otherwise a line from time to time.

use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use proto::run::{EpisodeResult, Status};

use super::job::Job;

/// The shortest time between two lines, without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// One bar for each agent and family.
#[derive(Debug)]
pub struct Progress {
    bars: MultiProgress,
    groups: Vec<((String, String), ProgressBar)>,
    /// When the last line was printed; `None` on a terminal.
    last_line: Option<Mutex<Instant>>,
}

impl Progress {
    /// Shows the jobs.
    pub fn new(jobs: &[Job]) -> Self {
        let bars = MultiProgress::new(); // hides itself if stderr is not a terminal
        let style = ProgressStyle::with_template("{prefix:>32} {bar:30} {pos}/{len} {elapsed} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let mut groups: Vec<((String, String), ProgressBar)> = Vec::new();
        for job in jobs {
            let key = key(job);
            let place = groups.iter().position(|(group, _)| *group == key).unwrap_or_else(|| {
                let bar = bars.add(ProgressBar::new(0).with_style(style.clone()));
                bar.set_prefix(format!("{} {}", key.0, key.1));
                groups.push((key, bar));
                groups.len() - 1
            });
            let bar = &groups[place].1;
            bar.inc_length(1);
            if job.kept.is_some() {
                bar.inc(1);
            }
        }
        let last_line = (!std::io::stderr().is_terminal()).then(|| Mutex::new(Instant::now()));
        Self { bars, groups, last_line }
    }

    /// An episode began.
    pub fn began(&self, job: &Job) {
        if let Some(bar) = self.bar(job) {
            bar.set_message(job.task().task_id.clone());
        }
    }

    /// An episode ended.
    pub fn finished(&self, job: &Job, result: &EpisodeResult) {
        if let Some(bar) = self.bar(job) {
            bar.inc(1);
        }
        if result.status == Status::Failed {
            let error = result.error.as_deref().unwrap_or_default();
            self.say(&format!("{} {} failed: {error}", job.agent(), job.task().task_id));
        }
        let Some(last_line) = &self.last_line else { return };
        let Ok(mut last_line) = last_line.lock() else { return };
        if last_line.elapsed() >= LINE_INTERVAL {
            *last_line = Instant::now();
            let done: Vec<String> = (self.groups.iter())
                .map(|((agent, family), bar)| {
                    format!("{agent} {family} {}/{}", bar.position(), bar.length().unwrap_or(0))
                })
                .collect();
            eprintln!("{}", done.join("; "));
        }
    }

    /// Leaves the bars as they are.
    pub fn end(&self) {
        for (_, bar) in &self.groups {
            bar.abandon_with_message("");
        }
    }

    /// A line for a person, above the bars.
    pub fn say(&self, line: &str) {
        self.bars.suspend(|| eprintln!("{line}"));
    }

    fn bar(&self, job: &Job) -> Option<&ProgressBar> {
        let key = key(job);
        self.groups.iter().find(|(group, _)| *group == key).map(|(_, bar)| bar)
    }
}

fn key(job: &Job) -> (String, String) {
    (job.agent().to_owned(), job.task().family.clone())
}
