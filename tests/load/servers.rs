//! The servers under load, each a process of its own.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lifecycle::child;
use tempfile::TempDir;
use tests::{program, root};
use tokio::process::Command;

use crate::process::Process;

/// Which protocol a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `env-server serve`.
    Ours,
    /// An OpenEnv server, the peer.
    OpenEnv,
}

/// How the peer runs code; see `openenv_server.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// Python's own `exec`, in the server's process.
    Exec,
    /// The executor of OpenEnv's own environments, of smolagents.
    Smolagents,
}

impl Executor {
    fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Smolagents => "smolagents",
        }
    }
}

/// A server to play on.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which protocol it speaks.
    pub kind: Kind,
    /// `http://HOST:PORT`.
    pub url: String,
    /// Its process; `None` if it is not known.
    pub process: Option<Process>,
}

/// A server that this program started; it ends when dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it is.
    pub place: Place,
    process: child::Server,
    /// Those of the command.
    arguments: Vec<OsString>,
    /// Tasks and log.
    folder: TempDir,
    /// Stored episodes.
    state: Option<TempDir>,
}

impl Running {
    /// Starts the `env-server` beside this program, with a set of 1000 small tasks and these arguments.
    pub async fn ours(arguments: &[String]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let tasks = folder.path().join("tasks");
        let generated = Command::new(program("env-server"))
            .arg("generate")
            .arg("--config")
            .arg(root().join("task_configs/tiny.json"))
            .arg("--out")
            .arg(&tasks)
            .output()
            .await?;
        ensure!(
            generated.status.success(),
            "generating tasks: {}",
            String::from_utf8_lossy(&generated.stderr)
        );
        let mut command = Command::new(program("env-server"));
        command.arg("serve").arg("--tasks").arg(&tasks).args(arguments);
        Self::start(Kind::Ours, "environment server", command, folder).await
    }

    /// The same, with episodes that are stored and survive what `class` says.
    pub async fn stored(class: &str, arguments: &[String]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let state = folder.path().join("state").display().to_string();
        let stored = ["--state-dir", &state, "--durability", class].map(str::to_owned);
        let mut running = Self::ours(&[&stored[..], arguments].concat()).await?;
        running.state = Some(folder);
        Ok(running)
    }

    /// Kills the server, and starts another one with the same arguments; returns how long it took until it served.
    pub async fn killed(mut self) -> Result<(Self, Duration)> {
        self.process.kill().await?;
        let started = Instant::now();
        let mut command = Command::new(program("env-server"));
        command.args(&self.arguments);
        let running = Self::start(self.place.kind, "environment server", command, self.folder).await?;
        let took = started.elapsed();
        Ok((Self { state: self.state.take(), arguments: self.arguments, ..running }, took))
    }

    /// Starts a server of OpenEnv with room for this many sessions. `python` must have `openenv` and `smolagents`.
    pub async fn openenv(python: &Path, sessions: usize, executor: Executor) -> Result<Self> {
        let mut command = Command::new(python);
        command.args(["-c", include_str!("openenv_server.py"), &sessions.to_string(), executor.name()]);
        Self::start(Kind::OpenEnv, "OpenEnv server", command, tempfile::tempdir()?).await
    }

    async fn start(kind: Kind, what: &'static str, command: Command, folder: TempDir) -> Result<Self> {
        let arguments = command.as_std().get_args().map(OsStr::to_owned).collect();
        let process = child::Server::start_command(what, command, &folder.path().join("log")).await?;
        let pid = process.pid().with_context(|| format!("the {what} has ended"))?;
        let place = Place { kind, url: process.url().to_owned(), process: Some(Process::new(pid)) };
        Ok(Self { place, process, arguments, folder, state: None })
    }
}
