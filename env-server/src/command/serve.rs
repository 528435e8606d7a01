//! `env-server serve`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use bytesize::ByteSize;
use clap::Args;
use lifecycle::{AccessOptions, telemetry};
use sandbox::{Budget, Sandbox};

use super::limits::LimitOptions;
use super::sources;
use super::state::{State, StateOptions};
use super::{catalog_of, threads};
use crate::catalog::Catalog;
use crate::console::ConsoleUse;
use crate::episode::{Options, Registry, ServerName};
use crate::gateway::Gateway;
use crate::memory;
use crate::scheduler::{MOST_BEGUN, Scheduler};
use crate::server::Server;
use crate::task_set::TaskSet;
use crate::version::VERSION;
use crate::wire;

/// Free places keep pages for their next interpreters. All of them together keep the memory divided by this number, at most.
const RESIDENT_SHARE: usize = 8;

/// Serve episodes over gRPC, gRPC-Web and JSON over HTTP. The first line on standard output is
/// `listening on http://ADDRESS`, or `https://`; the log goes to standard error.
#[derive(Args)]
#[command(after_help = "\
Examples:
  env-server serve --tasks runs/tasks/easy
  env-server serve --tasks runs/tasks/easy --tasks runs/tasks/medium --listen 127.0.0.1:0
  env-server serve --max-episodes 100000 --max-awake 4000 --hibernation-dir /var/tmp
  env-server serve --state-dir /var/lib/runtime-gym                    (episodes go on after a restart)
  env-server serve --config server.yaml
  env-server serve --listen unix:/run/gym.sock
  env-server serve --tasks runs/tasks/easy --gateways openenv,mcp
  RUNTIME_GYM_LOG=env_server=debug env-server serve        (spans of RPCs, steps and tool calls)

Every option can also be set by an environment variable, or by a key in the file of --config: a flag goes before
a variable, and that before the file.")]
pub struct Serve {
    /// File of options, in YAML or JSON. A key is a flag's name with `_` for `-`, such as
    /// `max_episodes: 200`; a flag that takes no value is `true`.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Task set to offer, as `generate` writes it. May be given several times, or
    /// not at all: requests can also carry their tasks.
    #[arg(long = "tasks", value_name = "DIR")]
    tasks: Vec<PathBuf>,

    /// Do not start if a task set holds a file that is no task. Without it the log
    /// says which ones these are, and the other tasks are offered.
    #[arg(long)]
    strict: bool,

    /// Address to listen on: a name or an IP address with a port, where port 0 takes
    /// any free one, or `unix:` and the path of a Unix socket, which needs no TLS.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
    listen: String,

    /// This server's name among several: 1 to 32 of [a-z0-9-]. The ids of its episodes
    /// then begin with it and a full stop. [default: none; ids are free]
    #[arg(long, value_name = "NAME")]
    server_name: Option<ServerName>,

    #[command(flatten)]
    access: AccessOptions,

    /// Protocols of others to serve on the same port, with commas between them:
    /// `openenv` at /openenv/STATE/TASKS, `mcp` at /mcp/STATE/TASKS. STATE is
    /// persistent or reset; TASKS is a task set, a family, or SET:FAMILY.
    #[arg(long, value_name = "NAMES", value_enum, value_delimiter = ',', hide_possible_values = true)]
    gateways: Vec<Gateway>,

    /// What a person may do on the console, the page at /console/: `read`, or `write`,
    /// which lets it fork episodes and run code in the forks; `off` serves no page.
    /// It rules the page alone: what a caller may do, its token decides.
    #[arg(long, value_name = "USE", value_enum, default_value_t = ConsoleUse::Read, hide_possible_values = true)]
    console: ConsoleUse,

    /// The most episodes that run at the same time.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_episodes: u32,

    /// The most Python interpreters that stay in memory between steps, at under
    /// 1 MB each. The others are hibernated; waking one takes milliseconds.
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=25_000))]
    max_awake: u32,

    /// Folder for hibernated interpreters; with --state-dir they are there.
    /// [default: the system's folder for temporary files]
    #[arg(long, value_name = "DIR")]
    hibernation_dir: Option<PathBuf>,

    /// GiB that hibernated interpreters may take there. Beyond it they stay in
    /// memory, compressed.
    #[arg(long, value_name = "GIB", default_value_t = 16)]
    hibernation_gib: u64,

    /// The memory that the server may take, such as 16GiB: interpreters, steps and
    /// tasks of episodes, requests and answers. Where it is used up, interpreters
    /// are hibernated; if that is not enough, calls are refused. [default: three
    /// quarters of the machine's, or of the control group's]
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,

    /// Steps that run at the same time; 0: one for each processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    workers: usize,

    /// Seconds that an untouched episode lives, unless its request asks for others.
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    lease: u64,

    /// Folder for the interpreter's native code, so that only the first start
    /// compiles it. [default: $RUNTIME_GYM_CACHE, else the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,

    /// Shut down when standard input closes: for a parent process that wants
    /// its server to end with it.
    #[arg(long)]
    until_stdin_closes: bool,

    /// The log's format.
    #[arg(long, value_enum, default_value_t = telemetry::Format::Text)]
    log_format: telemetry::Format,

    // The last ones: their headings hold for what follows.
    #[command(flatten)]
    state: StateOptions,

    #[command(flatten)]
    limits: LimitOptions,
}

impl Serve {
    /// Serves until a signal, or the end of standard input, says to stop.
    pub fn run(self) -> anyhow::Result<()> {
        telemetry::init(self.log_format);
        let _spans =
            telemetry::Program::server("env-server", VERSION).send_spans().map_err(anyhow::Error::msg)?;
        for warning in sources::misspelt(&Self::augment_args(clap::Command::new(sources::COMMAND))) {
            tracing::warn!("{warning}");
        }
        if let Some(file) = &self.config {
            tracing::info!(file = %file.display(), "options were read");
        }
        lifecycle::run_to_end(self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let workers = threads(self.workers);
        let memory = self.memory_bytes()?;
        let catalog = self.catalog()?;
        let access = self.access.load().map_err(anyhow::Error::msg)?;
        // Before the interpreter is compiled: a taken port should fail at once.
        let listener = lifecycle::bind(&self.listen, "env-server").await.map_err(anyhow::Error::msg)?;
        access.guard(&listener).map_err(|error| anyhow!("cannot listen on {listener}: {error}"))?;
        let state = self.state.open()?;
        let sandbox = self.sandbox_options(workers, memory, state.as_ref());
        let sandbox = Sandbox::new(&sandbox).context("starting the Python sandbox")?;
        let options = Options {
            server_name: self.server_name.clone(),
            max_episodes: self.max_episodes as usize,
            max_awake: self.max_awake as usize,
            workers,
            default_lease: Duration::from_secs(self.lease),
            default_limits: self.limits.defaults(),
            most_limits: self.limits.most(),
            step_bytes: wire::step_bytes,
        };
        let scheduler = Scheduler::new(workers).context("starting the interpreters' threads")?;
        let mut registry = Registry::new(sandbox.clone(), catalog, scheduler, options);
        if let Some(state) = state {
            registry = state.restore(registry, &sandbox)?;
        }

        lifecycle::announce(&listener, access.scheme()).context("saying where it listens")?;
        let memory_mib = memory >> 20;
        let server_name = self.server_name.as_ref().map(tracing::field::display);
        tracing::info!(address = %listener, server_name, workers, max_episodes = self.max_episodes, memory_mib, "serving");
        Server::new(registry, access)
            .with_gateways(self.gateways)
            .with_console(self.console)
            .run(listener, lifecycle::shutdown(self.until_stdin_closes))
            .await
            .map_err(|error| anyhow!("serving failed: {error}"))
    }

    fn catalog(&self) -> anyhow::Result<Catalog> {
        let sets = self.tasks.iter().map(|root| self.task_set(root)).collect::<Result<Vec<_>, _>>()?;
        catalog_of(sets)
    }

    fn task_set(&self, root: &Path) -> anyhow::Result<TaskSet> {
        let started = Instant::now();
        let set = TaskSet::load(root)?;
        let refused = set.refused();
        if refused.files > 0 && self.strict {
            return Err(anyhow!("{}: {refused}", root.display()));
        }
        if refused.files > 0 {
            tracing::warn!("{}: {refused}\n(--strict refuses to start with such a file)", root.display());
        }
        let seconds = started.elapsed().as_secs_f32();
        tracing::info!(set = set.name(), tasks = set.len(), refused = refused.files, seconds, "task set");
        Ok(set)
    }

    fn sandbox_options(&self, workers: usize, memory: usize, state: Option<&State>) -> sandbox::Options {
        // In addition to the interpreters in memory: each step that has begun may have one, and a fork that runs its copies.
        let working = u32::try_from(MOST_BEGUN + workers).unwrap_or(u32::MAX);
        let max_interpreters = self.max_awake.min(self.max_episodes).saturating_add(working);
        let most_resident = memory / RESIDENT_SHARE / max_interpreters as usize;
        let defaults = sandbox::Options::default();
        sandbox::Options {
            budget: Budget::new(memory),
            keep_resident_bytes: defaults.keep_resident_bytes.min(most_resident),
            cache_dir: self.cache_dir.clone(),
            max_interpreters,
            hibernation_dir: Some(self.hibernation_dir.clone().unwrap_or_else(std::env::temp_dir)),
            hibernation_bytes: self.hibernation_gib.saturating_mul(1 << 30),
            snapshots: state.map(State::snapshots),
            ..defaults
        }
    }

    fn memory_bytes(&self) -> anyhow::Result<usize> {
        match self.memory {
            Some(size) => Ok(usize::try_from(size.as_u64()).unwrap_or(usize::MAX)),
            None => memory::usual_bytes().context("asking for the machine's memory; --memory sets it"),
        }
    }
}
