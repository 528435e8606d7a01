//! Progress on standard error: a bar on a terminal, otherwise a line every few seconds.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cuda;

/// Time between two lines, if there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The progress of a training.
pub struct Progress {
    bar: ProgressBar,
    steps: u64,
    /// When the last line was printed; `None` on a terminal.
    last_line: Option<Instant>,
}

/// What is shown after a step.
pub struct StepSummary {
    /// The mean reward of the episodes that the step played, if it did.
    pub reward: Option<f64>,
    /// The loss, in nats per token, or another objective's value.
    pub loss: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// The speed since the last line of metrics.
    pub tokens_per_second: f64,
    /// Main memory in use, in bytes.
    pub memory_bytes: Option<u64>,
    /// On a GPU: its memory.
    pub device_memory: Option<cuda::Memory>,
    /// Estimated time until the end.
    pub remaining: Duration,
}

impl Progress {
    /// Starts with `done` of `steps` steps done.
    pub fn new(steps: u64, done: u64) -> Self {
        let bar = ProgressBar::new(steps).with_position(done);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let last_line = (!std::io::stderr().is_terminal()).then(Instant::now);
        Self { bar, steps, last_line }
    }

    /// Shows that `done` steps are done.
    pub fn step(&mut self, done: u64, summary: &StepSummary) {
        let gb = |bytes: u64| bytes as f64 / 1e9;
        let memory = summary.memory_bytes.map_or_else(String::new, |bytes| format!(", {:.1} GB", gb(bytes)));
        let device = summary.device_memory.map_or_else(String::new, |memory| {
            format!(", {:.1} of {:.1} GB of the GPU", gb(memory.used()), gb(memory.total))
        });
        let reward = summary.reward.map_or_else(String::new, |reward| format!("reward {reward:.3}, "));
        let text = format!(
            "{reward}loss {:.4}, learning rate {:.2e}, {:.0} tokens/s{memory}{device}, {} left",
            summary.loss,
            summary.learning_rate,
            summary.tokens_per_second,
            indicatif::HumanDuration(summary.remaining)
        );
        self.bar.set_position(done);
        self.bar.set_message(text.clone());
        if let Some(last_line) = &mut self.last_line
            && (last_line.elapsed() >= LINE_INTERVAL || done == self.steps)
        {
            *last_line = Instant::now();
            eprintln!("step {done}/{}: {text}", self.steps);
        }
    }

    /// Prints a line above the bar.
    pub fn print(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Ends the display.
    pub fn end(&self) {
        self.bar.abandon();
    }
}
