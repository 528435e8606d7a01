//! `env-server mcp`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lifecycle::telemetry;
use proto::interpreter_state::InterpreterState;
use sandbox::{Config, Sandbox, Semantics};

use super::limits::LimitOptions;
use super::sandbox::NoTools;
use super::{catalog_of, threads};
use crate::episode::{Options, Registry};
use crate::gateway::mcp::stdio;
use crate::scheduler::Scheduler;
use crate::task_set::TaskSet;
use crate::wire;

/// The longest that an episode lives untouched. The session ends with its client, so nothing waits for it.
const LEASE: Duration = Duration::from_secs(24 * 60 * 60);

/// Serve one session of the Model Context Protocol over standard input and output, for clients that start
/// their servers. It has one Python interpreter. With --tasks it plays episodes of tasks.
#[derive(Args)]
#[command(after_help = "\
Examples:
  env-server mcp --interpreter-state persistent
  env-server mcp --interpreter-state reset --tasks runs/tasks/easy --play knapsack
  claude mcp add python -- env-server mcp --interpreter-state persistent")]
pub struct Mcp {
    /// Whether variables stay from one call to the next: `persistent` or `reset`.
    #[arg(long, value_name = "STATE", value_parser = state_parser())]
    interpreter_state: InterpreterState,

    /// Task set to play, as `generate` writes it. Without one there is only the interpreter.
    #[arg(long, value_name = "DIR")]
    tasks: Option<PathBuf>,

    /// Play only tasks of this family.
    #[arg(long, value_name = "FAMILY", requires = "tasks")]
    play: Option<String>,

    /// Folder for the interpreter's native code, so that only the first start
    /// compiles it. [default: $RUNTIME_GYM_CACHE, else the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitOptions,
}

impl Mcp {
    /// Serves until standard input ends.
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::init(telemetry::Format::Text);
        lifecycle::run_to_end(self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let set = self.tasks.as_deref().map(TaskSet::load).transpose()?;
        let options = sandbox::Options {
            cache_dir: self.cache_dir.clone(),
            // One that runs beside one that is being closed.
            max_interpreters: 4,
            ..sandbox::Options::default()
        };
        let sandbox = Sandbox::new(&options).context("starting the Python sandbox")?;
        let state = self.interpreter_state;
        let Some(set) = set else {
            let config = Config {
                state,
                semantics: Semantics::Script,
                seed: 0,
                limits: self.limits.defaults().step,
                tools: Vec::new(),
                record_definitions: false,
            };
            let interpreter = sandbox.interpreter(config, Arc::new(Mutex::new(NoTools)));
            let interpreter = interpreter.context("starting an interpreter")?;
            return stdio::serve_interpreter(state, interpreter).await.map_err(anyhow::Error::msg);
        };
        let tasks = match &self.play {
            Some(family) => format!("{}:{family}", set.name()),
            None => set.name().to_owned(),
        };
        let workers = threads(0);
        let options = Options {
            server_name: None,
            max_episodes: 1,
            max_awake: 1,
            workers,
            default_lease: LEASE,
            default_limits: self.limits.defaults(),
            most_limits: self.limits.most(),
            step_bytes: wire::step_bytes,
        };
        let scheduler = Scheduler::new(workers).context("starting the interpreters' threads")?;
        let registry = Registry::new(sandbox, catalog_of(vec![set])?, scheduler, options);
        stdio::serve_episodes(Arc::new(registry), state, &tasks).await.map_err(anyhow::Error::msg)
    }
}

/// Reads the name of a state.
fn state_parser() -> impl TypedValueParser<Value = InterpreterState> {
    PossibleValuesParser::new(
        [InterpreterState::Persistent, InterpreterState::Reset].map(InterpreterState::name),
    )
    .try_map(|name| InterpreterState::named(&name).ok_or("no such state"))
}
