//! An interpreter is made again after its process has ended: in these tests, in another sandbox on the same folder.

mod damage;
mod folder;
mod twins;

use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::common::{Counter, config};
use sandbox::{
    Config, Interpreter, InterpreterState, Limits, Options, Outcome, Past, PastStep, Sandbox, Semantics,
    Snapshots,
};

/// A step of some 10^8 units of fuel: too long to be replayed on waking, too short to be worth a snapshot by itself.
const LONG: &str = "spent = sum(n for n in range(200_000))";

fn sandbox(folder: &Path) -> Sandbox {
    with_options(folder, Options::default())
}

fn with_options(folder: &Path, options: Options) -> Sandbox {
    let snapshots = Some(Snapshots { dir: folder.to_owned(), sync: false });
    Sandbox::new(&Options { max_interpreters: 4, snapshots, ..options }).unwrap()
}

fn persistent() -> Config {
    let limits = Limits { fuel: 2_000_000_000, memory_bytes: 80 << 20, ..Limits::default() };
    Config {
        limits,
        tools: Counter::tools(),
        semantics: Semantics::Notebook,
        record_definitions: true,
        ..config(InterpreterState::Persistent)
    }
}

/// An interpreter, and what is written down of its steps.
struct Player {
    config: Config,
    python: Interpreter,
    tools: Arc<Mutex<Counter>>,
    next: u64,
    /// The steps that were kept, with their indexes.
    kept: Vec<(u64, PastStep)>,
}

impl Player {
    fn new(sandbox: &Sandbox, config: Config) -> Player {
        let tools = Arc::new(Mutex::new(Counter::default()));
        let python = sandbox.interpreter(config.clone(), tools.clone()).unwrap();
        Player { config, python, tools, next: 0, kept: Vec::new() }
    }

    fn step(&mut self, code: &str) -> Outcome {
        let outcome = self.python.run_step(self.next, code).unwrap();
        if outcome.kept {
            let (tool_calls, fuel_used) = (outcome.tool_calls.clone(), outcome.fuel_used);
            self.kept.push((self.next, PastStep { code: code.to_owned(), tool_calls, fuel_used }));
        }
        self.next += 1;
        outcome
    }

    fn past(&self) -> Past {
        let snapshot = self.python.stored_snapshot();
        let before = snapshot.as_ref().map_or(0, |snapshot| snapshot.before);
        let since = self.kept.iter().filter(|(index, _)| *index >= before);
        let steps = since.map(|(_, step)| step.clone()).collect();
        Past { snapshot, steps, globals: self.python.globals().to_vec(), next_step: self.next }
    }

    /// The same in another sandbox; the tools live on.
    fn revived(self, sandbox: &Sandbox) -> Player {
        let past = self.past();
        let Player { config, python, tools, next, kept } = self;
        drop(python);
        let python = sandbox.revive(config.clone(), tools.clone(), past).unwrap();
        Player { config, python, tools, next, kept }
    }
}

/// A folder with one small snapshot, and what its interpreter has done.
fn stored() -> (TempDir, Past) {
    let folder = tempfile::tempdir().unwrap();
    let mut player = Player::new(&sandbox(folder.path()), persistent());
    player.step(&format!("open('notes', 'w').write('kept')\n{LONG}"));
    player.python.hibernate();
    let past = player.past();
    assert_eq!((past.snapshot.as_ref().unwrap().before, past.steps.len()), (1, 0));
    (folder, past)
}
