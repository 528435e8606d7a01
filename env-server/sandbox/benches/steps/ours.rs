//! Our sandbox as a side of the comparison.

use std::time::Duration;

use sandbox::{Interpreter, InterpreterState, Options, Sandbox};
use tempfile::TempDir;

use crate::common::{self, private_bytes, run};
use crate::side::{CALLS, LOOP, STEP, Side, history, timed};

/// The number of interpreters whose memory is measured.
const LIVE: usize = 200;

/// Histories of an interpreter before it hibernates: name, steps, and whether it is kept as a snapshot
/// instead of a log.
pub const HISTORIES: [(&str, &[&str], bool); 4] = [
    ("ten short steps", &[STEP; 10], false),
    ("a step of 5,000 rounds", &["for n in range(5_000): n * n"], false),
    ("a step of 50,000 rounds", &["for n in range(50_000): n * n"], true),
    ("a list of 100,000 numbers", &["squares = [n * n for n in range(100_000)]"], true),
];

pub struct Ours {
    sandbox: Sandbox,
    live: Interpreter,
    resetting: Interpreter,
    /// An interpreter that has run a hundred steps.
    old: Interpreter,
    /// The directory for hibernated interpreters.
    _folder: TempDir,
}

impl Ours {
    pub fn new() -> Ours {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let options = Options { hibernation_dir: Some(folder.path().into()), ..Options::default() };
        let sandbox = Sandbox::new(&options).expect("the sandbox starts");
        Ours {
            live: new(&sandbox),
            resetting: common::interpreter(&sandbox, InterpreterState::Reset, 1)
                .expect("it takes no place yet"),
            old: after(&sandbox, history()),
            sandbox,
            _folder: folder,
        }
    }

    /// The bytes in memory and on disk that a hibernated interpreter takes.
    pub fn kept_bytes(&self, steps: &[&str]) -> (usize, usize) {
        let stats = asleep(after(&self.sandbox, steps)).stats();
        (stats.kept_bytes, stats.kept_on_disk_bytes)
    }

    /// The fuel of [`LOOP`], and fuel per second.
    pub fn fuel(&self) -> (f64, f64) {
        let outcome = new(&self.sandbox).run(LOOP).expect("the sandbox works");
        (outcome.fuel_used as f64, outcome.fuel_used as f64 / outcome.wall.as_secs_f64())
    }
}

impl Side for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn times(&mut self, operation: &str, budget: Duration) -> Vec<Duration> {
        let Ours { sandbox, live, resetting, old, .. } = self;
        let new = || new(sandbox);
        let fork = |old: &mut Interpreter| old.fork(common::tools()).expect("there is a free place");
        let step = |mut python: Interpreter, code| {
            run(&mut python, code);
            python
        };
        if let Some(history) = operation.strip_prefix("hibernate after ") {
            return timed(budget, || after(sandbox, steps(history)), asleep);
        }
        if let Some(history) = operation.strip_prefix("wake, and a step, after ") {
            return timed(budget, || asleep(after(sandbox, steps(history))), |python| step(python, STEP));
        }
        match operation {
            "new interpreter" => timed(budget, || (), |()| new()),
            "new interpreter and its first step" => timed(budget, || (), |()| step(new(), STEP)),
            "step in a resetting interpreter" => timed(budget, || (), |()| run(resetting, STEP)),
            "step in a live interpreter" => timed(budget, || (), |()| run(live, STEP)),
            "step of nothing" => timed(budget, || (), |()| run(live, "pass")),
            "tool call" => timed(budget, || (), |()| run(live, CALLS)),
            "fork after 100 steps" => timed(budget, || (), |()| fork(old)),
            "first step of a fork" => timed(budget, || fork(old), |python| step(python, STEP)),
            "new interpreter and those 100 steps" => timed(budget, || (), |()| after(sandbox, history())),
            "3 million rounds of a loop" => timed(budget, new, |python| step(python, LOOP)),
            _ => Vec::new(),
        }
    }

    fn private_bytes(&mut self) -> f64 {
        let before = private_bytes("self");
        let live: Vec<_> = (0..LIVE).map(|_| after(&self.sandbox, [STEP])).collect();
        (private_bytes("self") - before) / live.len() as f64
    }
}

fn new(sandbox: &Sandbox) -> Interpreter {
    common::interpreter(sandbox, InterpreterState::Persistent, 1).expect("there is a free place")
}

/// A new interpreter that has run these steps.
fn after(sandbox: &Sandbox, steps: impl IntoIterator<Item = impl AsRef<str>>) -> Interpreter {
    let mut python = new(sandbox);
    for step in steps {
        run(&mut python, step.as_ref());
    }
    python
}

fn asleep(mut python: Interpreter) -> Interpreter {
    python.hibernate();
    python
}

fn steps(history: &str) -> &'static [&'static str] {
    HISTORIES.iter().find(|(what, ..)| *what == history).map_or(&[], |(_, steps, _)| steps)
}
