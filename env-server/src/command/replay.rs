//! `env-server replay`.

mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use lifecycle::telemetry;
use report::Report;
use sandbox::{Budget, Options, Sandbox};

use super::{catalog_of, threads};
use crate::catalog::Catalog;
use crate::memory;
use crate::replay::{Error, Replayed, Replayer, Source};
use crate::task_set::TaskSet;

/// What `--help` says first. The enum of the commands passes it on: its own words would take the place of those of [`Replay`].
pub const ABOUT: &str = "\
Run recorded episodes again, and compare everything that their traces hold, to the byte.

A TRACE is a file that `agent run` wrote (its name ends in .trace.json), or a folder or a .tar.gz, which are searched for
such files. Every step is run in an interpreter of the same state, semantics, seed and limits, and what it gives is
compared: output, errors, names, definitions, tool calls and their answers, budgets, fuel, lost state, whether the episode
ended; and in the end the evaluation, with the result file beside the trace. Times are not compared.

A step that the machine decided (the wall-clock limit, a crash, a call without an answer) is not run: its tool calls are
made again, and it counts as taken as recorded.

The first difference of a trace goes to standard output, and nothing after it is compared. The exit status is 0 only if
every trace is verified.";

/// Run recorded episodes again, and compare everything that their traces hold.
#[derive(Args)]
#[command(after_help = "\
Examples:
  env-server replay runs/example --tasks runs/tasks/tiny
  env-server replay a.trace.json b.trace.json --tasks runs/tasks/easy --tasks runs/tasks/medium
  env-server replay runs.tar.gz --tasks runs/tasks/easy --jobs 2
  env-server replay runs/example --tasks runs/tasks/tiny --json | jq 'select(.status != \"verified\")'")]
pub struct Replay {
    /// Traces, and folders and archives of them.
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,

    /// Task set that the traces were recorded on, as `generate` writes it. May be given several times. A trace does not hold
    /// its task's hidden data.
    #[arg(long = "tasks", value_name = "DIR", required = true)]
    tasks: Vec<PathBuf>,

    /// Replay traces of another build of the interpreter too, with one warning. Without it they are refused: the same code can
    /// use other fuel there, or give other texts.
    #[arg(long)]
    any_interpreter: bool,

    /// Traces that are replayed at the same time; 0: one for each processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    jobs: usize,

    /// Print one JSON object for each trace on standard output; the summary goes to standard error.
    #[arg(long)]
    json: bool,

    /// Where the interpreter's native code is kept, so that only the first start compiles it. [default: $RUNTIME_GYM_CACHE,
    /// else the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl Replay {
    /// Replays all traces, also after one differs or can't be replayed.
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::init(telemetry::Format::Text);
        // Before the interpreter is compiled: a folder that is not there should fail at once.
        let catalog = self.catalog()?;
        let jobs = threads(self.jobs);
        let replayer = Replayer::new(self.sandbox(jobs)?, catalog, self.any_interpreter);
        let mut report = Report::new(self.json);
        let sources = self.sources(&mut report)?;
        let bar = progress_bar(sources.len());
        replay_all(&replayer, &sources, jobs, |name, outcome| {
            bar.inc(1);
            bar.suspend(|| report.add(name, &outcome))?;
            bar.set_message(report.troubles());
            Ok(())
        })?;
        bar.finish_and_clear();
        report.finish()?;
        match report.unverified() {
            0 => Ok(()),
            count => bail!("not verified: {count} of {} traces", report.traces()),
        }
    }

    /// The traces in the order of the arguments. An argument without traces is reported.
    fn sources(&self, report: &mut Report) -> anyhow::Result<Vec<Source>> {
        let mut sources = Vec::new();
        for path in &self.traces {
            match Source::find(path) {
                Ok(found) => sources.extend(found),
                Err(error) => report.add(&path.display().to_string(), &Err(error))?,
            }
        }
        Ok(sources)
    }

    fn catalog(&self) -> anyhow::Result<Catalog> {
        let load = |root: &PathBuf| {
            let set = TaskSet::load(root)?;
            if set.refused().files > 0 {
                tracing::warn!("{}: {}", root.display(), set.refused());
            }
            anyhow::Ok(set)
        };
        let sets = self.tasks.iter().map(load).collect::<Result<Vec<_>, _>>()?;
        catalog_of(sets)
    }

    fn sandbox(&self, jobs: usize) -> anyhow::Result<Sandbox> {
        let memory = memory::usual_bytes().context("asking for the machine's memory")?;
        let options = Options {
            cache_dir: self.cache_dir.clone(),
            // One that ends may still be there when the next one begins.
            max_interpreters: u32::try_from(2 * jobs).unwrap_or(u32::MAX),
            budget: Budget::new(memory),
            ..Options::default()
        };
        Sandbox::new(&options).context("starting the Python sandbox")
    }
}

fn progress_bar(traces: usize) -> ProgressBar {
    let bar = ProgressBar::new(traces as u64);
    match ProgressStyle::with_template("[{bar:40}] {pos}/{len} traces ({per_sec}, {eta} left){msg}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Replays on `jobs` threads; `done` is told each trace's name and what came of it, in the order of the sources.
fn replay_all(
    replayer: &Replayer,
    sources: &[Source],
    jobs: usize,
    mut done: impl FnMut(&str, Result<Replayed, Error>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let next = &AtomicUsize::new(0);
    let work = move |outcomes: mpsc::Sender<(usize, Result<Replayed, Error>)>| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(number) else { break };
            let outcome = source.recording().and_then(|recording| replayer.replay(recording));
            if outcomes.send((number, outcome)).is_err() {
                // Nobody waits for it any more.
                break;
            }
        }
    };
    thread::scope(|scope| {
        let (sender, outcomes) = mpsc::channel();
        for _ in 0..jobs.min(sources.len()) {
            let sender = sender.clone();
            scope.spawn(move || work(sender));
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut in_order = sources.iter().enumerate().peekable();
        for (number, outcome) in outcomes {
            waiting.insert(number, outcome);
            while let Some((number, source)) = in_order.peek()
                && let Some(outcome) = waiting.remove(number)
            {
                done(&source.name, outcome)?;
                in_order.next();
            }
        }
        Ok(())
    })
}
