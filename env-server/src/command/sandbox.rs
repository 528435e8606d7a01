//! `env-server sandbox`.

mod blocks;
mod report;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, bail};
use blocks::Blocks;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lifecycle::telemetry;
use sandbox::{
    Config, Interpreter, InterpreterState, Limits, Options, Semantics, ToolCall, ToolError, ToolErrorKind,
    ToolHost,
};
use serde_json::Value;

const MIB: usize = 1 << 20;

/// Try the interpreter: run blocks of Python in the way of an episode's steps,
/// and see what an agent would see, and what each step cost.
///
/// Every FILE is a block. Without one, standard input is read: lines `# ---`
/// separate its blocks; at a terminal, an empty line ends one.
///
/// What a block writes (its standard output, then its standard error) and its error
/// go to standard output, everything else to standard error. The exit status is 1 if a block failed, except at a terminal.
#[derive(Args)]
#[command(after_help = "\
Examples:
  env-server sandbox                                  (type blocks, see what they give)
  env-server sandbox load.py solve.py                 (solve.py sees what load.py defined)
  env-server sandbox --reset load.py solve.py         (it does not)
  env-server sandbox --semantics notebook solve.py    (its last expression is shown)
  printf 'x = 41\\n# ---\\nprint(x + 1)\\n' | env-server sandbox --json
  echo 'while True: pass' | env-server sandbox --fuel 1000000000")]
pub struct Sandbox {
    /// Files of Python, one block each.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A new interpreter for each block, as in a resetting episode.
    #[arg(long)]
    reset: bool,

    /// How a block is run: as a script, or as a cell of a notebook, which shows
    /// the value of a last expression and the causes of an error.
    #[arg(long, value_name = "NAME", default_value_t = Semantics::Script, value_parser = semantics_parser())]
    semantics: Semantics,

    /// Seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Print one JSON object for each block on standard output, and nothing else.
    #[arg(long)]
    json: bool,

    /// Fuel of a block. A unit is about one WebAssembly instruction.
    #[arg(long, value_name = "N", default_value_t = Limits::default().fuel, value_parser = clap::value_parser!(u64).range(1..))]
    fuel: u64,

    /// The interpreter's memory, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().memory_bytes / MIB)]
    memory: usize,

    /// How long a block may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().wall_clock.as_secs_f64())]
    wall_clock: f64,

    /// Where the interpreter's native code is kept, so that only the first
    /// start compiles it. [default: $RUNTIME_GYM_CACHE, else the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl Sandbox {
    /// Runs the blocks in order, also after one has failed.
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::init(telemetry::Format::Text);
        // Before the interpreter is compiled: a file that cannot be read should fail at once.
        let blocks = Blocks::open(&self.files)?;
        let typed = blocks.are_typed();
        let mut interpreter = self.interpreter()?;
        if typed {
            eprintln!("A block ends with an empty line, all ends with Ctrl-D.");
        }
        let (mut count, mut failed) = (0, 0);
        for block in blocks {
            let block = block?;
            let outcome = interpreter.run(&block.code).context("the sandbox failed")?;
            count += 1;
            failed += usize::from(!outcome.success);
            let memory = Some(interpreter.stats().memory_bytes).filter(|bytes| *bytes > 0);
            if self.json {
                report::json(&block.name, &outcome, memory)?;
            } else {
                report::text(&block.name, &outcome, memory)?;
            }
        }
        if failed > 0 && !typed {
            bail!("{failed} of {count} blocks failed");
        }
        Ok(())
    }

    fn interpreter(&self) -> anyhow::Result<Interpreter> {
        let limits = self.limits()?;
        let options =
            Options { cache_dir: self.cache_dir.clone(), max_interpreters: 1, ..Options::default() };
        let sandbox = ::sandbox::Sandbox::new(&options).context("starting the Python sandbox")?;
        let least = sandbox.least_memory_bytes();
        if limits.memory_bytes < least {
            bail!("--memory {}: an interpreter starts with {} MiB", self.memory, least.div_ceil(MIB));
        }
        let state = if self.reset { InterpreterState::Reset } else { InterpreterState::Persistent };
        let config = Config {
            state,
            semantics: self.semantics,
            seed: self.seed,
            limits,
            tools: Vec::new(),
            record_definitions: false,
        };
        sandbox.interpreter(config, Arc::new(Mutex::new(NoTools))).context("starting an interpreter")
    }

    fn limits(&self) -> anyhow::Result<Limits> {
        let most = Options::default().max_memory_bytes / MIB;
        if self.memory > most {
            bail!("--memory {}: at most {most} MiB", self.memory);
        }
        let wall_clock = Duration::try_from_secs_f64(self.wall_clock)
            .with_context(|| format!("--wall-clock {}", self.wall_clock))?;
        Ok(Limits { fuel: self.fuel, memory_bytes: self.memory * MIB, wall_clock, ..Limits::default() })
    }
}

/// Reads the name of semantics.
fn semantics_parser() -> impl TypedValueParser<Value = Semantics> {
    PossibleValuesParser::new(Semantics::ALL.map(Semantics::name))
        .try_map(|name| Semantics::named(&name).ok_or("no such semantics"))
}

/// The functions of the host, where there are none.
pub struct NoTools;

impl ToolHost for NoTools {
    fn call(&mut self, _call: &ToolCall) -> Result<Value, ToolError> {
        Err(ToolError { kind: ToolErrorKind::Runtime, message: "There are no tools here.".to_owned() })
    }
}
