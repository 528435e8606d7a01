//! Progress on standard error: bars on a terminal, otherwise a line from time to time.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use proto::run::Status;

use super::job::{Job, Played};

/// The shortest time between two lines, without a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// One bar for each agent and family, and a line for the whole run.
#[derive(Debug)]
pub struct Progress {
    bars: MultiProgress,
    groups: Vec<((String, String), ProgressBar)>,
    /// The line of the whole run; hidden without a terminal.
    whole: ProgressBar,
    totals: Mutex<Totals>,
    is_terminal: bool,
}

/// What this start of the run has done.
#[derive(Debug)]
struct Totals {
    begun: Instant,
    /// When the last line was printed, without a terminal.
    last_line: Instant,
    /// Episodes that are still to be played.
    left: usize,
    played: usize,
    solved: usize,
    /// Tokens that models wrote.
    tokens: u64,
    /// What the answers cost; `None` if no price is configured.
    cost: Option<f64>,
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
        let line =
            ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let whole = bars.add(ProgressBar::no_length().with_style(line));
        let is_priced = jobs.iter().any(|job| job.player.agent.llm.prices.is_some());
        let now = Instant::now();
        let totals = Totals {
            begun: now,
            last_line: now,
            left: jobs.iter().filter(|job| job.kept.is_none()).count(),
            played: 0,
            solved: 0,
            tokens: 0,
            cost: is_priced.then_some(0.0),
        };
        let is_terminal = std::io::stderr().is_terminal();
        Self { bars, groups, whole, totals: Mutex::new(totals), is_terminal }
    }

    /// An episode began.
    pub fn began(&self, job: &Job) {
        if let Some(bar) = self.bar(job) {
            bar.set_message(job.task().task_id.clone());
        }
    }

    /// An episode ended.
    pub fn finished(&self, job: &Job, played: &Played) {
        if let Some(bar) = self.bar(job) {
            bar.inc(1);
        }
        for error in &played.lost {
            let (agent, task) = (job.agent(), &job.task().task_id);
            self.say(&format!("{agent} {task} was played again: {error}"));
        }
        let result = &played.result;
        if result.status == Status::Failed {
            let error = result.error.as_deref().unwrap_or_default();
            self.say(&format!("{} {} failed: {error}", job.agent(), job.task().task_id));
        }
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.left = totals.left.saturating_sub(1);
        totals.played += 1;
        totals.solved += usize::from(result.result.as_ref().is_some_and(|result| result.is_solved));
        totals.tokens += played.tokens;
        totals.cost = totals.cost.map(|cost| cost + played.cost.unwrap_or(0.0));
        let words = totals.words();
        self.whole.set_message(words.clone());
        if !self.is_terminal && totals.last_line.elapsed() >= LINE_INTERVAL {
            totals.last_line = Instant::now();
            let done: Vec<String> = (self.groups.iter())
                .map(|((agent, family), bar)| {
                    format!("{agent} {family} {}/{}", bar.position(), bar.length().unwrap_or(0))
                })
                .collect();
            eprintln!("{}; {words}", done.join("; "));
        }
    }

    /// Leaves the bars as they are.
    pub fn end(&self) {
        for (_, bar) in &self.groups {
            bar.abandon_with_message("");
        }
        self.whole.abandon();
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

impl Totals {
    /// Solved so far, speed, cost and what is left.
    fn words(&self) -> String {
        let elapsed = self.begun.elapsed();
        let mut words = format!(
            "{} of {} solved, {:.0} tokens/s",
            self.solved,
            self.played,
            self.tokens as f64 / elapsed.as_secs_f64().max(1e-3)
        );
        if let Some(cost) = self.cost {
            words.push_str(&format!(", cost {cost:.2}"));
        }
        if self.left > 0 {
            let left = elapsed.mul_f64(self.left as f64 / self.played.max(1) as f64);
            words.push_str(&format!(", {} left", HumanDuration(left)));
        }
        words
    }
}

fn key(job: &Job) -> (String, String) {
    (job.agent().to_owned(), job.task().family.clone())
}
