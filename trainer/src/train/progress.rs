//! Progress on stderr: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Between two lines, where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// How far a training is.
pub struct Progress {
    bar: ProgressBar,
    steps: u64,
    /// When the last line was printed; none on a terminal.
    last_line: Option<Instant>,
}

/// What is shown of a step.
pub struct Shown {
    /// Its loss.
    pub loss: f64,
    /// Its learning rate.
    pub learning_rate: f64,
    /// How fast it was.
    pub tokens_per_second: f64,
    /// Main memory in use.
    pub memory_bytes: Option<u64>,
    /// What is left, at this pace.
    pub left: Duration,
}

impl Progress {
    /// Of a training of so many steps, some of which may be done.
    pub fn new(steps: u64, done: u64) -> Self {
        let bar = ProgressBar::new(steps).with_position(done);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let last_line = (!std::io::stderr().is_terminal()).then(Instant::now);
        Self { bar, steps, last_line }
    }

    /// A step was done.
    pub fn step(&mut self, done: u64, shown: &Shown) {
        let memory =
            shown.memory_bytes.map_or_else(String::new, |bytes| format!(", {:.1} GB", bytes as f64 / 1e9));
        let text = format!(
            "loss {:.4}, learning rate {:.2e}, {:.0} tokens/s{memory}, {} left",
            shown.loss,
            shown.learning_rate,
            shown.tokens_per_second,
            indicatif::HumanDuration(shown.left)
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

    /// A line for a person, above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.bar.abandon();
    }
}
