//! The disturbed server: its folder, its starts, and the sessions that play on it.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tests::{EnvServer, program};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::proxy::Proxy;
use crate::server::Server;
use crate::session;
use crate::world::World;

/// How long the sessions may take to come to the end of their scripts.
const ENDING: Duration = Duration::from_secs(300);

/// How servers are started.
#[derive(Clone, Debug)]
pub struct Terms {
    /// `process` or `sync`.
    pub durability: String,
    /// Further arguments of `env-server serve`.
    pub arguments: Vec<String>,
    /// What the command begins with, before the program; empty: nothing.
    pub before: Vec<String>,
}

/// The disturbed server and its sessions.
pub struct Stage {
    /// What the sessions share.
    pub world: Arc<World>,
    /// Before the server.
    pub proxy: Proxy,
    /// How long each start took until it served.
    pub starts: Vec<Duration>,
    terms: Terms,
    server: Option<Server>,
    count: u64,
    state: PathBuf,
    folder: TempDir,
    sessions: JoinSet<()>,
    _undisturbed: EnvServer,
}

impl Stage {
    /// A stage whose server is not started yet. Its state is in `state`, or else in a folder of its own.
    pub async fn new(seed: u64, sessions: u64, terms: Terms, state: Option<PathBuf>) -> Result<Self> {
        let undisturbed = EnvServer::start_logging("warn", &[], &["--max-episodes", "100000"]).await;
        let proxy = Proxy::start(seed).await?;
        let world = Arc::new(World::new(seed, undisturbed.url.clone(), proxy.url.clone()));
        let folder = tempfile::tempdir()?;
        let mut playing = JoinSet::new();
        for number in 0..sessions {
            playing.spawn(session::play(world.clone(), number));
        }
        Ok(Self {
            world,
            proxy,
            starts: Vec::new(),
            terms,
            server: None,
            count: 0,
            state: state.unwrap_or_else(|| folder.path().join("state")),
            folder,
            sessions: playing,
            _undisturbed: undisturbed,
        })
    }

    /// The folder with the episodes.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// A process of a server on a folder, with these variables. Its log is in a file of this name.
    pub fn spawn(&self, name: &str, state: &Path, variables: &[(&str, &str)], log: &str) -> Result<Server> {
        let mut words = self.terms.before.clone();
        words.push(program(name).to_string_lossy().into_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("serve").arg("--state-dir").arg(state);
        command.args(["--durability", &self.terms.durability, "--max-episodes", "10000"]);
        command.args(["--max-awake", "6"]).args(&self.terms.arguments);
        command.env(lifecycle::telemetry::FILTER, "warn").envs(variables.iter().copied());
        Server::spawn(command, &self.folder.path().join(log))
    }

    /// Starts the server, and lets the sessions find it.
    pub async fn start(&mut self) -> Result<()> {
        let ended = self.start_as("env-server", &[]).await?;
        ensure!(ended.is_none(), "the server does not start on its folder ({})", ended.unwrap_or_default());
        Ok(())
    }

    /// The same, of a program with variables, which may end while it starts. Returns how it did.
    pub async fn start_as(&mut self, name: &str, variables: &[(&str, &str)]) -> Result<Option<String>> {
        let mut server = self.spawn(name, &self.state, variables, "log")?;
        match server.serves().await? {
            Ok((url, took)) => {
                self.starts.push(took);
                self.count += 1;
                self.proxy.set_server(&url);
                self.world.serving.send_replace(self.count);
                self.server = Some(server);
                Ok(None)
            }
            Err(status) => Ok(Some(format!("{status}; its log: {}", server.log()))),
        }
    }

    /// Kills the server.
    pub async fn kill(&mut self) -> Result<()> {
        let server = self.hide()?;
        server.kill().await
    }

    /// Asks the server to end.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        // It answers what it is doing before it ends.
        self.world.serving.send_replace(0);
        let server = self.server.take().context("the server runs")?;
        let stopped = server.stop().await;
        self.proxy.set_server("");
        stopped
    }

    /// Waits until the server ends by itself; kills it if it does not in this time. Returns whether it did.
    pub async fn ends(&mut self, patience: Duration) -> Result<bool> {
        let server = self.server.as_mut().context("the server runs")?;
        let ended = server.ended(patience).await?;
        let server = self.hide()?;
        if ended.is_none() {
            server.kill().await?;
        }
        Ok(ended.is_some())
    }

    fn hide(&mut self) -> Result<Server> {
        self.world.serving.send_replace(0);
        let server = self.server.take().context("the server runs")?;
        self.proxy.set_server("");
        Ok(server)
    }

    /// Whether the server runs.
    pub fn is_running(&self) -> bool {
        self.server.is_some()
    }

    /// `127.0.0.1:PORT` of the server; empty while there is none.
    pub fn address(&self) -> String {
        self.proxy.server()
    }

    /// Lets the sessions play for a while.
    pub async fn play(&self, time: Duration) {
        sleep(time).await;
    }

    /// Ends the server and the sessions at once, and leaves the folder where it is; returns its path.
    pub fn leave(self) -> PathBuf {
        let Self { folder, state, .. } = self;
        let _ = folder.keep();
        state
    }

    /// Lets the sessions come to the end of their scripts on a server that nobody disturbs.
    pub async fn end(&mut self) -> Result<()> {
        if self.server.is_none() {
            self.start().await?;
        }
        self.world.ending.store(true, std::sync::atomic::Ordering::Relaxed);
        let all = async { while self.sessions.join_next().await.is_some() {} };
        timeout(ENDING, all).await.context("the sessions do not come to their end")
    }
}
