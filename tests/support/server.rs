//! A real environment server in a process of its own.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use client::{EnvClient, connect};
use lifecycle::{child, telemetry};
use tempfile::TempDir;
use tokio::process::Command;

use crate::program;

/// How long a line of the log may take to appear.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running `env-server serve`; it is killed when dropped.
pub struct EnvServer {
    process: child::Server,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Holds the log.
    folder: TempDir,
}

impl EnvServer {
    /// Starts a server on a free port and waits until it listens. It logs every RPC, step and tool call that ends.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn start(task_sets: &[&Path], arguments: &[&str]) -> Self {
        Self::start_logging("env_server=debug,info", task_sets, arguments).await
    }

    /// Starts a server on a free port, whose log has this filter, and waits until it listens.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn start_logging(filter: &str, task_sets: &[&Path], arguments: &[&str]) -> Self {
        Self::start_with(&[], filter, task_sets, arguments).await
    }

    /// The same, with further environment variables.
    ///
    /// # Panics
    /// If the server does not start.
    pub async fn start_with(
        variables: &[(&str, &str)],
        filter: &str,
        task_sets: &[&Path],
        arguments: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(program("env-server"));
        command.arg("serve").args(arguments).env(telemetry::FILTER, filter).envs(variables.iter().copied());
        for set in task_sets {
            command.arg("--tasks").arg(set);
        }
        let log = folder.path().join("log");
        let process = child::Server::start_command("environment server", command, &log).await;
        let process = process.unwrap_or_else(|error| panic!("{error}"));
        Self { url: process.url().to_owned(), process, folder }
    }

    /// A connected client.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn client(&self) -> EnvClient {
        connect(&self.url).await.expect("the server answers")
    }

    /// The server's process id.
    ///
    /// # Panics
    /// If the server has ended.
    pub fn pid(&self) -> u32 {
        self.process.pid().expect("the server runs")
    }

    /// The log so far.
    ///
    /// # Panics
    /// If the log cannot be read.
    pub fn log(&self) -> String {
        files::read_text(&self.folder.path().join("log")).expect("the log can be read")
    }

    /// Waits until the log holds `text`. The log is polled: a file that grows gives no signal.
    ///
    /// # Panics
    /// If `text` does not appear.
    pub async fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not in the log:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Kills it, as by `kill -9`, and waits for its end.
    ///
    /// # Panics
    /// If it can't be killed.
    pub async fn kill(self) {
        self.process.kill().await.expect("the server can be killed");
    }

    /// Closes its standard input and waits for its end.
    ///
    /// # Panics
    /// If the server had to be killed.
    pub async fn stop(self) -> ExitStatus {
        self.process.stop().await.expect("the server ends when its standard input does")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If its end cannot be waited for.
    pub async fn wait(&mut self) -> ExitStatus {
        self.process.wait().await.expect("the server ends")
    }
}
